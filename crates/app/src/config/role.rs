//! What a process can do, and whom it needs for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;

/// What a process can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    All,
    /// The public listener: page, API, and the way to signalling.
    Gateway,
    /// Holds the sockets of pages.
    Signalling,
    /// Sign-in and tokens.
    Auth,
    /// Accounts.
    Users,
    /// Friends, who is there, and blocks.
    Friends,
    /// Reports and decisions.
    Moderation,
    /// Who meets whom.
    Matchmaking,
    /// Holds calls; has the media port.
    Rooms,
    /// Looks at calls, with models.
    Sight,
    /// Figures for admins.
    Analytics,
}

impl Role {
    /// Each one that a process can have by itself.
    pub const EACH: [Self; 10] = [
        Self::Gateway,
        Self::Signalling,
        Self::Auth,
        Self::Users,
        Self::Friends,
        Self::Moderation,
        Self::Matchmaking,
        Self::Rooms,
        Self::Sight,
        Self::Analytics,
    ];

    /// The name in settings and in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Gateway => "gateway",
            Self::Signalling => "signalling",
            Self::Auth => "auth",
            Self::Users => "users",
            Self::Friends => "friends",
            Self::Moderation => "moderation",
            Self::Matchmaking => "matchmaking",
            Self::Rooms => "rooms",
            Self::Sight => "sight",
            Self::Analytics => "analytics",
        }
    }

    /// The roles that this one calls.
    const fn needs(self) -> &'static [Self] {
        match self {
            Self::Gateway => &[Self::Auth, Self::Users, Self::Friends, Self::Moderation, Self::Signalling],
            Self::Signalling => &[Self::Auth, Self::Users, Self::Moderation, Self::Matchmaking, Self::Rooms],
            Self::Auth => &[Self::Users],
            Self::Matchmaking => &[Self::Users, Self::Friends, Self::Rooms],
            // Those who look are asked when they are there, and so is who counts (by the gateway).
            Self::Rooms => &[Self::Moderation],
            Self::All | Self::Users | Self::Friends | Self::Moderation | Self::Sight | Self::Analytics => &[],
        }
    }

    /// Whether it stands on the database.
    const fn is_durable(self) -> bool {
        !matches!(self, Self::Gateway | Self::Signalling | Self::Sight)
    }
}

impl Config {
    /// Whether this process has the role.
    pub fn does(&self, role: Role) -> bool {
        self.roles.contains(&Role::All) || self.roles.contains(&role)
    }

    /// The roles of this process, one by one.
    pub fn own_roles(&self) -> Vec<Role> {
        Role::EACH.into_iter().filter(|role| self.does(*role)).collect()
    }

    /// Whether this process is a complete place.
    pub fn is_whole(&self) -> bool {
        self.own_roles().len() == Role::EACH.len()
    }

    /// The roles of other processes that this one calls.
    pub fn needed_roles(&self) -> Vec<Role> {
        let own = self.own_roles();
        let needs = |role: &Role| own.iter().any(|own| own.needs().contains(role));
        Role::EACH.into_iter().filter(|role| !own.contains(role) && needs(role)).collect()
    }

    /// Whether anything here stands on the database.
    pub fn needs_database(&self) -> bool {
        self.own_roles().iter().any(|role| role.is_durable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(roles: &[Role]) -> Config {
        Config { roles: roles.to_vec(), ..Config::default() }
    }

    #[test]
    fn all_is_every_role_and_needs_nobody() {
        let all = of(&[Role::All]);
        assert!(all.is_whole() && all.needed_roles().is_empty() && all.needs_database());
        assert!(of(&Role::EACH).is_whole());
    }

    #[test]
    fn a_process_needs_what_its_roles_call_and_it_doesnt_have() {
        let names = |roles: &[Role]| of(roles).needed_roles().iter().map(|r| r.name()).collect::<Vec<_>>();
        assert_eq!(names(&[Role::Matchmaking]), ["users", "friends", "rooms"]);
        assert_eq!(names(&[Role::Auth, Role::Users]), [""; 0]);
        assert_eq!(
            names(&[Role::Gateway, Role::Signalling]),
            ["auth", "users", "friends", "moderation", "matchmaking", "rooms"]
        );
        assert!(!of(&[Role::Gateway, Role::Signalling]).needs_database());
    }

    #[test]
    fn whoever_splits_a_place_by_the_book_leaves_no_role_out() {
        let book = include_str!("../../../../docs/operations.md");
        for role in Role::EACH {
            let row = format!("\n| `{}` |", role.name());
            assert!(book.contains(&row), "docs/operations.md has no row of `{}`", role.name());
        }
    }

    #[test]
    fn the_name_in_settings_is_the_name_in_the_contract() {
        for role in Role::EACH {
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
    }
}
