//! The tables of the metadata, as sea-orm sees them; [`crate::migration`] makes them. Times are microseconds
//! since 1970 in UTC, so that both back ends compare them alike. Lists and problems are JSON text.

#![allow(unreachable_pub)] // sea-orm's derives want `pub`

use sea_orm::entity::prelude::*;

macro_rules! no_relations {
    () => {
        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}
        impl ActiveModelBehavior for ActiveModel {}
    };
}

/// Relates `$column` to the primary key of `$other`.
macro_rules! belongs_to {
    ($other:ident by $column:ident) => {
        #[derive(Copy, Clone, Debug, EnumIter)]
        pub enum Relation {
            Other,
        }
        impl RelationTrait for Relation {
            fn def(&self) -> RelationDef {
                Entity::belongs_to(super::$other::Entity)
                    .from(Column::$column)
                    .to(super::$other::Column::Id)
                    .into()
            }
        }
        impl Related<super::$other::Entity> for Entity {
            fn to() -> RelationDef {
                Relation::Other.def()
            }
        }
        impl ActiveModelBehavior for ActiveModel {}
    };
}

pub mod connection;
pub mod delivery;
pub mod dropped;
pub mod event;
pub mod fence;
pub mod first_admin;
pub mod grant;
pub mod identity;
pub mod invite;
pub mod invite_team;
pub mod job;
pub mod mask_key;
pub mod model;
pub mod notice;
pub mod notice_reader;
pub mod outbox_setting;
pub mod password_reset;
pub mod removed;
pub mod removed_ledger;
pub mod saved_view;
pub mod schedule;
pub mod session;
pub mod statement;
pub mod statement_text;
pub mod sync_health;
pub mod table;
pub mod team;
pub mod team_member;
pub mod token;
pub mod user;
pub mod version;
pub mod webhook;
