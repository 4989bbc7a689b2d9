//! Who may do what with a Model. One expression in SQL says it, and a [`Grant`] is made by nothing else: what changes
//! a Model takes one, so that no change can forget to ask.

use crate::{
    Meta, db,
    entity::{model, table, user},
    record::Access,
};
use mycorr_domain::{Code, ModelId, Problem, Result, TableId, UserId};
use sea_orm::{
    ConnectionTrait,
    sea_query::{CaseStatement, Expr, ExprTrait, Query, SelectStatement, SimpleExpr},
};
use std::{fmt, marker::PhantomData};
use uuid::Uuid;

mod sealed {
    pub trait Sealed {}
}

/// What a grant lets its holder do.
pub trait Level: sealed::Sealed {
    /// The least access that has it.
    const NEEDS: Access;
    /// Why somebody who may look may not do this.
    const REFUSAL: &'static str;
}

/// To change tables: import, sync, restore, rename, delete.
#[derive(Clone, Copy, Debug)]
pub enum Write {}

/// To change the Model itself.
#[derive(Clone, Copy, Debug)]
pub enum Own {}

impl sealed::Sealed for Write {}
impl Level for Write {
    const NEEDS: Access = Access::Collaborator;
    const REFUSAL: &'static str = "You can look at the tables of this Model, but not change them.";
}

impl sealed::Sealed for Own {}
impl Level for Own {
    const NEEDS: Access = Access::Owner;
    const REFUSAL: &'static str = "Only the owner of this Model can do that.";
}

/// What a grant is given on: a Model, or a table of one.
pub trait Scope: Copy + sealed::Sealed {
    #[doc(hidden)]
    const NAME: &'static str;
    /// A query of one row and one column, `access`.
    #[doc(hidden)]
    fn access(self, user: UserId) -> SelectStatement;
}

impl sealed::Sealed for ModelId {}
impl Scope for ModelId {
    const NAME: &'static str = "Model";
    fn access(self, user: UserId) -> SelectStatement {
        let id = Expr::col((model::Entity, model::Column::Id)).eq(*self.as_uuid());
        Query::select().expr_as(access_of(user), "access").from(model::Entity).and_where(id).take()
    }
}

impl sealed::Sealed for TableId {}
impl Scope for TableId {
    const NAME: &'static str = "table";
    fn access(self, user: UserId) -> SelectStatement {
        let id = Expr::col((table::Entity, table::Column::Id)).eq(*self.as_uuid());
        let of_model =
            Expr::col((model::Entity, model::Column::Id)).equals((table::Entity, table::Column::ModelId));
        Query::select()
            .expr_as(access_of(user), "access")
            .from(table::Entity)
            .inner_join(model::Entity, of_model)
            .and_where(id)
            .take()
    }
}

/// A person's right to do `L` to a Model or a table, as it was when it was asked for. Only [`Meta::grant`] makes one.
pub struct Grant<L, S = ModelId> {
    user: UserId,
    on: S,
    level: PhantomData<fn() -> L>,
}

impl<L, S: Copy> Grant<L, S> {
    pub fn user(&self) -> UserId {
        self.user
    }

    pub fn on(&self) -> S {
        self.on
    }
}

impl<L, S: fmt::Debug> fmt::Debug for Grant<L, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("user", &self.user).field("on", &self.on).finish()
    }
}

impl Meta {
    /// The right of `user` to do `L` to a Model or a table.
    ///
    /// # Errors
    /// `not_found` for what they may not see, `forbidden` for what they may see and not do.
    pub async fn grant<L: Level, S: Scope>(&self, user: UserId, on: S) -> Result<Grant<L, S>> {
        let grant = Grant { user, on, level: PhantomData };
        confirm(&self.db, &grant).await?;
        Ok(grant)
    }

    /// What `user` may do with a Model.
    ///
    /// # Errors
    /// `not_found` if that is nothing.
    pub async fn access(&self, user: UserId, id: ModelId) -> Result<Access> {
        access(&self.db, user, id).await
    }
}

/// Asks again whether the right stands: a change does so in its own transaction, since the Model may be gone or the
/// right withdrawn by then.
pub(crate) async fn confirm<L: Level, S: Scope>(
    on: &impl ConnectionTrait,
    grant: &Grant<L, S>,
) -> Result<()> {
    if access(on, grant.user, grant.on).await? < L::NEEDS {
        return Err(Problem::new(Code::Forbidden, L::REFUSAL));
    }
    Ok(())
}

async fn access<S: Scope>(on: &impl ConnectionTrait, user: UserId, id: S) -> Result<Access> {
    let row = on.query_one(&id.access(user)).await.map_err(db)?;
    let rank = row.map(|row| row.try_get::<i32>("", "access")).transpose().map_err(db)?;
    rank.and_then(Access::of_rank).ok_or_else(|| Problem::not_found(S::NAME))
}

/// The Models that `user` may see, as a condition on `models`.
pub(crate) fn is_visible(user: UserId) -> SimpleExpr {
    access_of(user).gt(0)
}

/// The rank of the highest [`Access`] that `user` has to a row of `models`, 0 for none.
pub(crate) fn access_of(user: UserId) -> SimpleExpr {
    let id: Uuid = *user.as_uuid();
    let disabled = Query::select()
        .expr(Expr::val(1))
        .from_as(user::Entity, "disabled")
        .and_where(Expr::col(("disabled", user::Column::Id)).eq(id))
        .and_where(Expr::col(("disabled", user::Column::DisabledAt)).is_not_null())
        .take();
    let owns = Expr::col((model::Entity, model::Column::OwnerId)).eq(id);
    CaseStatement::new().case(Expr::exists(disabled), 0).case(owns, Access::Owner.rank()).finally(0).into()
}
