//! Who may do what with a Model. One expression in SQL says it, and a [`Grant`] is made by nothing else: what changes
//! a Model takes one, so that no change can forget to ask.

use crate::{
    Meta, db,
    entity::{grant, model, table, team_member, user},
    record::{Access, TeamRole},
};
use mycorr_domain::{Code, ModelId, Problem, Result, TableId, TeamId, UserId};
use sea_orm::{
    ColumnTrait, ConnectionTrait,
    sea_query::{
        CaseStatement, Cond, DynIden, Expr, ExprTrait, Func, IntoIden, Query, SelectStatement, SimpleExpr,
    },
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
}

impl sealed::Sealed for Own {}
impl Level for Own {
    const NEEDS: Access = Access::Owner;
}

/// To look.
#[derive(Clone, Copy, Debug)]
pub enum Read {}

impl sealed::Sealed for Read {}
impl Level for Read {
    const NEEDS: Access = Access::Viewer;
}

/// What a grant is given on: a Model, a table of one, or a team, whose admins own it.
pub trait Scope: Copy + sealed::Sealed {
    #[doc(hidden)]
    const NAME: &'static str;
    /// Why somebody who may look may not do what needs so much.
    #[doc(hidden)]
    fn refusal(needs: Access) -> &'static str {
        match needs {
            Access::Owner => "Only the owner of this Model can do that.",
            _ => "You can look at the tables of this Model, but not change them.",
        }
    }
    /// A query of one row and one column, `access`.
    #[doc(hidden)]
    fn access(self, user: UserId) -> SelectStatement;
}

impl sealed::Sealed for ModelId {}
impl Scope for ModelId {
    const NAME: &'static str = "Model";
    fn access(self, user: UserId) -> SelectStatement {
        let id = Expr::col((model::Entity, model::Column::Id)).eq(*self.as_uuid());
        Query::select().expr_as(access_of(user, false), "access").from(model::Entity).and_where(id).take()
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
            .expr_as(access_of(user, true), "access")
            .from(table::Entity)
            .inner_join(model::Entity, of_model)
            .and_where(id)
            .take()
    }
}

impl sealed::Sealed for TeamId {}
impl Scope for TeamId {
    const NAME: &'static str = "team";
    fn refusal(_: Access) -> &'static str {
        "Only an admin of this team can do that."
    }
    fn access(self, user: UserId) -> SelectStatement {
        let is_admin = team_member::Column::Role.eq(TeamRole::Admin.as_str());
        let rank = CaseStatement::new()
            .case(Expr::exists(disabled(user)), 0)
            .case(is_admin, Access::Owner.rank())
            .finally(Access::Viewer.rank());
        Query::select()
            .expr_as(rank, "access")
            .from(team_member::Entity)
            .and_where(team_member::Column::TeamId.eq(*self.as_uuid()))
            .and_where(team_member::Column::UserId.eq(*user.as_uuid()))
            .take()
    }
}

/// A person's right to do `L` to a Model, a table or a team, as it was when it was asked for. Only [`Meta::grant`] makes one.
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

impl<L: Level, S: Scope> Grant<L, S> {
    /// What is to be confirmed before it is one.
    pub(crate) fn of<M>(other: &Grant<M, S>) -> Self {
        Self { user: other.user, on: other.on, level: PhantomData }
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
        return Err(Problem::new(Code::Forbidden, S::refusal(L::NEEDS)));
    }
    Ok(())
}

pub(crate) async fn access<S: Scope>(on: &impl ConnectionTrait, user: UserId, id: S) -> Result<Access> {
    let row = on.query_one(&id.access(user)).await.map_err(db)?;
    let rank = row.map(|row| row.try_get::<i32>("", "access")).transpose().map_err(db)?;
    rank.and_then(Access::of_rank).ok_or_else(|| Problem::not_found(S::NAME))
}

/// The Models that `user` may see, as a condition on `models`.
pub(crate) fn is_visible(user: UserId) -> SimpleExpr {
    access_of(user, false).gt(0)
}

/// The rank of the highest [`Access`] that `user` has to a row of `models`, 0 for none: their own, what is granted to
/// them, what is granted to a team of theirs. With `tables`, what is granted on a row of `tables` counts as well.
pub(crate) fn access_of(user: UserId, tables: bool) -> SimpleExpr {
    let id: Uuid = *user.as_uuid();
    let on = |column, entity: (DynIden, DynIden)| Expr::col((grant::Entity, column)).equals(entity);
    let model = (model::Entity.into_iden(), model::Column::Id.into_iden());
    let table = (table::Entity.into_iden(), table::Column::Id.into_iden());
    let mut places = Cond::any().add(on(grant::Column::ModelId, model));
    if tables {
        places = places.add(on(grant::Column::TableId, table));
    }
    let teams = Query::select()
        .column(team_member::Column::TeamId)
        .from(team_member::Entity)
        .and_where(team_member::Column::UserId.eq(id))
        .take();
    let granted = Query::select()
        .expr(Expr::col((grant::Entity, grant::Column::Access)).max())
        .from(grant::Entity)
        .cond_where(places)
        .cond_where(
            Cond::any()
                .add(Expr::col((grant::Entity, grant::Column::UserId)).eq(id))
                .add(Expr::col((grant::Entity, grant::Column::TeamId)).in_subquery(teams)),
        )
        .take();
    let granted = SimpleExpr::SubQuery(None, Box::new(granted.into()));
    CaseStatement::new()
        .case(Expr::exists(disabled(user)), 0)
        .case(Expr::col((model::Entity, model::Column::OwnerId)).eq(id), Access::Owner.rank())
        .finally(Func::coalesce([granted, Expr::val(0)]))
        .into()
}

/// A row if the account is disabled.
fn disabled(user: UserId) -> SelectStatement {
    Query::select()
        .expr(Expr::val(1))
        .from_as(user::Entity, "disabled")
        .and_where(Expr::col(("disabled", user::Column::Id)).eq(*user.as_uuid()))
        .and_where(Expr::col(("disabled", user::Column::DisabledAt)).is_not_null())
        .take()
}
