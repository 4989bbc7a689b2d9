//! Random grants and withdrawals: the one expression in SQL says what thirty lines of Rust say.

use crate::{grant, model, user, world};
use chrono::{TimeDelta, Utc};
use mycorr_domain::{Email, MemberId, ModelId, ResourceName, TeamId, UserId};
use mycorr_meta::{Access, Administrator, InviteLink, Meta, NewMember, TeamRole, UserChange, Who};
use std::collections::{HashMap, HashSet};

/// Numbers that look random and are the same each time (xorshift64, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Who may do what, kept the plain way.
#[derive(Default)]
struct Oracle {
    owners: HashMap<ModelId, UserId>,
    people: HashMap<(ModelId, UserId), Access>,
    teams: HashMap<(ModelId, TeamId), Access>,
    members: HashSet<(TeamId, UserId)>,
    disabled: HashSet<UserId>,
}

impl Oracle {
    fn access(&self, user: UserId, model: ModelId) -> Option<Access> {
        if self.disabled.contains(&user) {
            return None;
        }
        if self.owners[&model] == user {
            return Some(Access::Owner);
        }
        let direct = self.people.get(&(model, user)).copied();
        let by_teams =
            self.teams.iter().filter(|((on, team), _)| *on == model && self.members.contains(&(*team, user)));
        by_teams.map(|(_, access)| *access).chain(direct).max()
    }
}

fn link(n: usize) -> InviteLink {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&n.to_be_bytes());
    InviteLink { hash, expires_at: Utc::now() + TimeDelta::days(7) }
}

async fn member_of(
    meta: &Meta,
    owner: UserId,
    model: ModelId,
    is: impl Fn(&Who) -> bool,
) -> Option<MemberId> {
    let members = meta.members(&grant(meta, owner, model).await).await.unwrap();
    members.into_iter().find(|member| is(&member.who)).and_then(|member| member.id)
}

#[tokio::test]
async fn highest_grant_is_what_the_oracle_says() {
    let world = world().await;
    let (meta, admin) = (&world.meta, world.ada.id);
    let mut random = Random(0x5eed_1e55_c0ff_ee01);
    let mut oracle = Oracle::default();
    let (mut people, mut models, mut teams) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..4 {
        let email = format!("p{n}@example.org");
        people.push((user(meta, &email).await, Email::parse(&email).unwrap()));
    }
    for (owner, _) in &people[..2] {
        let shop = model(meta, owner).await;
        oracle.owners.insert(shop.id, owner.id);
        models.push(shop.id);
    }
    for _ in 0..2 {
        // The teams are an outsider's, who is enabled at all times.
        let team = meta.create_team(admin, &ResourceName::parse("name", "Team").unwrap()).await.unwrap();
        teams.push(team.id);
    }
    for step in 0..300 {
        let (who, email) = &people[random.below(4)];
        let (on, team) = (models[random.below(2)], teams[random.below(2)]);
        let owner = oracle.owners[&on];
        let rank = [Access::Viewer, Access::Collaborator][random.below(2)];
        match random.below(7) {
            0 | 1 if owner != who.id && !oracle.disabled.contains(&owner) => {
                let by = grant(meta, owner, on).await;
                meta.put_member(&by, NewMember::Email(email, link(step)), rank).await.unwrap();
                oracle.people.insert((on, who.id), rank);
            }
            2 if oracle.members.contains(&(team, owner)) && !oracle.disabled.contains(&owner) => {
                let by = grant(meta, owner, on).await;
                meta.put_member(&by, NewMember::Team(team), rank).await.unwrap();
                oracle.teams.insert((on, team), rank);
            }
            3 => {
                let by = grant(meta, admin, team).await;
                meta.put_team_member(&by, email, TeamRole::Member, link(step)).await.unwrap();
                oracle.members.insert((team, who.id));
            }
            4 if oracle.members.remove(&(team, who.id)) => {
                meta.delete_team_member(&grant(meta, admin, team).await, who.id).await.unwrap();
            }
            5 if !oracle.disabled.contains(&owner) => {
                let direct = |member: &Who| matches!(member, Who::User(user) if user.id == who.id);
                if let Some(id) = member_of(meta, owner, on, direct).await {
                    meta.delete_member(&grant(meta, owner, on).await, id).await.unwrap();
                    oracle.people.remove(&(on, who.id)).unwrap();
                } else {
                    assert!(!oracle.people.contains_key(&(on, who.id)));
                }
            }
            6 => {
                let disabled = Some(!oracle.disabled.contains(&who.id));
                let change = UserChange { disabled, admin: None };
                meta.change_user(&Administrator::operator(), who.id, change).await.unwrap();
                if !oracle.disabled.remove(&who.id) {
                    oracle.disabled.insert(who.id);
                }
            }
            _ => {}
        }
        for (who, _) in &people {
            let listed = meta.models(who.id, None, 10).await.unwrap().items;
            for on in &models {
                let expected = oracle.access(who.id, *on);
                assert_eq!(meta.access(who.id, *on).await.ok(), expected, "step {step}");
                let shown = listed.iter().find(|model| model.id == *on).map(|model| model.access);
                assert_eq!(shown, expected, "step {step}");
            }
        }
    }
}
