//! What a person wanted of a table, found again in the table as it is now: a column that was renamed is followed, and what
//! can't be kept to ends the job before anything is read.

use crate::Connections;
use mycorr_domain::{
    Code, Filter, Mask, MaskKey, ModelId, Problem, RecordedFilter, RecordedMask, Result, Secret, Selection,
    SourceRecord,
};
use mycorr_meta::SealedMaskKey;
use mycorr_pgread::{SourceColumn, TableDescription};
use mycorr_vault::{Context, Sealed, WrappedKey};

/// Conditions and masks, by the columns that there are.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) filter: Vec<RecordedFilter>,
    pub(crate) masks: Vec<RecordedMask>,
}

/// `before` is what the version before remembers of the table, if that was the same or had its name; `same` says that it
/// was the same, in which a column is known by its place.
///
/// # Errors
/// `source_changed` for a column that went away or changed its type.
pub(crate) fn resolve(
    wanted: &Selection,
    table: &TableDescription,
    before: Option<&SourceRecord>,
    same: bool,
) -> Result<Resolved> {
    let name = format!("{}.{}", table.entry.schema, table.entry.name);
    let by_name = |column: &str| table.columns.iter().find(|known| known.name == column);
    let by_position = |position: i16| table.columns.iter().find(|known| known.position == position);
    let mut resolved = Resolved::default();
    for filter in &wanted.filter {
        let recorded = before.and_then(|before| before.filter.iter().find(|one| one.filter == *filter));
        let column = match recorded {
            Some(recorded) if same => by_position(recorded.position),
            _ => by_name(&filter.column),
        };
        let column = column
            .ok_or_else(|| gone(&name, &filter.column, &format!("by which rows are chosen ({filter})")))?;
        if let Some(recorded) = recorded.filter(|recorded| recorded.pg_type != column.pg_type) {
            return Err(retyped(&name, recorded, column));
        }
        resolved.filter.push(RecordedFilter {
            filter: Filter { column: column.name.clone(), ..filter.clone() },
            position: column.position,
            pg_type: column.pg_type.clone(),
        });
    }
    for (column, &mask) in &wanted.masks {
        let recorded = before.and_then(|before| before.masks.iter().find(|one| one.column == *column));
        let moved = recorded.filter(|_| same).and_then(|recorded| by_position(recorded.position));
        let mut found: Vec<&SourceColumn> = moved.into_iter().chain(by_name(column)).collect();
        found.dedup_by_key(|column| column.position);
        match (recorded, found.is_empty()) {
            (_, false) => resolved.masks.extend(found.into_iter().map(|column| RecordedMask {
                column: column.name.clone(),
                position: column.position,
                mask,
            })),
            // There is nothing left of it to hide; should it come back, it is masked again.
            (Some(recorded), true) if same => resolved.masks.push(recorded.clone()),
            // Its values may come under another name.
            (_, true) => return Err(gone(&name, column, "that is to be masked")),
        }
    }
    resolved.masks.dedup();
    Ok(resolved)
}

const CURE: &str = "Choose the rows and masks anew for this table (Use another connection), then sync again.";

fn gone(table: &str, column: &str, what: &str) -> Problem {
    let detail = format!("The column {column} of {table}, {what}, is not there. Nothing was read.");
    Problem::new(Code::SourceChanged, detail).fix(CURE)
}

fn retyped(table: &str, recorded: &RecordedFilter, column: &SourceColumn) -> Problem {
    let detail = format!(
        "The column {} of {table}, by which rows are chosen ({}), was of type {} and is of type {} now. Nothing was read.",
        column.name, recorded.filter, recorded.pg_type, column.pg_type
    );
    Problem::new(Code::SourceChanged, detail).fix(CURE)
}

/// Rows can't be told apart by what is redacted.
pub(crate) fn is_redacted(masks: &[RecordedMask], position: i16) -> bool {
    masks.iter().any(|masked| masked.position == position && masked.mask == Mask::Redact)
}

/// Binds a key to its Model.
pub(crate) fn context(model: ModelId, what: &str) -> Context {
    Context::new().part("mask_key").part(model.as_uuid().as_bytes()).part(what)
}

impl Connections {
    /// The key under which a Model's values are hashed, made when it is first needed.
    ///
    /// # Errors
    /// `secret_unreadable`; `storage_full`, `storage_unavailable`.
    pub(crate) async fn mask_key(&self, model: ModelId) -> Result<MaskKey> {
        if self.meta.mask_key(model).await?.is_none() {
            let sealing = self.vault.begin_sealing()?;
            let (data_key, wrapped) = sealing.new_data_key(&context(model, "data_key"))?;
            let mut bytes = [0; MaskKey::BYTES];
            getrandom::fill(&mut bytes).map_err(Problem::bug)?;
            let sealed = data_key.seal(&Secret::new(hex::encode(bytes)), &context(model, "key"))?;
            let key = SealedMaskKey { data_key: wrapped.into_bytes(), sealed: sealed.into_bytes() };
            self.meta.add_mask_key(model, key).await?;
        }
        // Another job may have been first.
        let stored = self.meta.mask_key(model).await?.ok_or_else(|| Problem::not_found("Model"))?;
        let wrapped = WrappedKey::from_bytes(stored.data_key);
        let data_key = self.vault.unwrap(&wrapped, &context(model, "data_key"))?;
        let secret = data_key.open(&Sealed::from_bytes(stored.sealed), &context(model, "key"))?;
        let mut bytes = [0; MaskKey::BYTES];
        hex::decode_to_slice(secret.expose(), &mut bytes).map_err(Problem::bug)?;
        Ok(MaskKey::new(bytes))
    }
}
