//! What a failing store is told as. What the libraries say goes to the log only.

use datafusion::error::DataFusionError;
use mycorr_domain::{Code, Problem};
use std::{error::Error, io};

/// Any failure of the store: `storage_full` if the system said so anywhere in the chain of causes, else
/// `storage_unavailable`.
pub(crate) fn storage(error: impl Error + 'static) -> Problem {
    let chain = Chain(Some(&error));
    let problem = if chain.clone().any(is_full) {
        Problem::new(Code::StorageFull, "There is no room left where tables are stored. Nothing was changed.")
            .fix("Make room on the volume of the tables, or enlarge it, then try again.")
    } else {
        Problem::new(
            Code::StorageUnavailable,
            "The place where tables are stored could not be read or written. Nothing was changed.",
        )
        .fix("Try again. If it happens again, tell your operator the request id: the log knows the cause.")
    };
    problem.internal(chain.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

/// What failed while a query ran: a problem of ours that passed through DataFusion, a bound that was reached, or
/// the store.
pub(crate) fn query(error: DataFusionError) -> Problem {
    let chain = || Chain(Some(&error));
    if let Some(problem) = chain().find_map(|error| error.downcast_ref::<Problem>()) {
        return problem.clone();
    }
    let exhausted = |error: &(dyn Error + 'static)| {
        matches!(error.downcast_ref::<DataFusionError>(), Some(DataFusionError::ResourcesExhausted(_)))
    };
    // That files would become too large is an error without a type: DataFusion names the setting.
    if chain().any(exhausted) || error.to_string().contains("max_temp_directory_size") {
        return Problem::new(
            Code::QuotaExceeded,
            "This sort needs more memory and temporary files than a query may take. Nothing was changed.",
        )
        .fix(
            "Filter the rows first, or ask your operator to raise MYCORR_QUERY_MEMORY and MYCORR_QUERY_DISK.",
        )
        .internal(&error);
    }
    storage(error)
}

/// Another writer came first.
pub(crate) fn conflict() -> Problem {
    Problem::new(
        Code::StorageConflict,
        "Another job wrote this table in the meantime. Its version stands, this one was not stored.",
    )
    .fix("Look at the newest version, and run this again if it is still wanted.")
}

fn is_full(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        )
    })
}

/// An error and its causes.
#[derive(Clone)]
struct Chain<'a>(Option<&'a (dyn Error + 'static)>);

impl<'a> Iterator for Chain<'a> {
    type Item = &'a (dyn Error + 'static);

    fn next(&mut self) -> Option<Self::Item> {
        let error = self.0?;
        // An io::Error that wraps another one leaves it out of its sources.
        let wrapped = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        self.0 = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
        Some(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_full_disk_is_recognised_at_any_depth() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let store = object_store::Error::Generic { store: "folder", source: Box::new(full()) };
        for problem in [storage(full()), storage(io::Error::other(store))] {
            assert_eq!(problem.code, Code::StorageFull);
        }
        let problem = storage(io::Error::other("the roof leaks"));
        assert_eq!(problem.code, Code::StorageUnavailable);
        assert!(!problem.detail.contains("roof") && problem.internal.unwrap().contains("roof"));
    }

    #[test]
    fn problem_that_passed_through_datafusion_is_the_same() {
        let problem = Problem::invalid("filter", "Not a number.");
        let wrapped = DataFusionError::External(Box::new(problem.clone())).context("while sorting");
        assert_eq!(query(DataFusionError::Shared(Arc::new(wrapped))), problem);
        let exhausted = DataFusionError::ResourcesExhausted("512 kB".into()).context("while sorting");
        assert_eq!(query(exhausted).code, Code::QuotaExceeded);
    }
}
