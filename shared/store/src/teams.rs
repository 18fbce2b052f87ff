//! Teams in the store, with their members.

use domain::id::{RuleId, SellerId, TeamId};
use domain::team::Team;

use crate::error::{Error, Result};
use crate::groups::Group;
use crate::keys::{self, Key};
use crate::store::Store;

impl Group for Team {
    type Id = TeamId;
    const PARTITION: &'static str = keys::TEAMS;
    const KIND: &'static str = "teams";

    fn id(&self) -> &TeamId {
        &self.id
    }

    fn key(id: &TeamId) -> Key {
        keys::team(id)
    }

    fn members(&mut self) -> &mut Vec<SellerId> {
        &mut self.member_ids
    }

    fn version(&mut self) -> &mut u64 {
        &mut self.version
    }
}

impl Store {
    /// A team.
    pub async fn team(&self, id: &TeamId) -> Result<Option<Team>> {
        self.group(id).await
    }

    /// All teams in the order of their ids.
    pub async fn teams(&self) -> Result<Vec<Team>> {
        self.groups().await
    }

    /// Creates a team; answers with the one that exists when this very request, by its tag, has created it before.
    pub async fn create_team(&self, team: Team, tag: Option<&str>) -> Result<Team> {
        self.create_group(team, tag).await
    }

    /// Replaces a team by what `decide` makes of it; decides again when somebody else changed it meanwhile. Writes nothing
    /// when nothing changes.
    pub async fn change_team<E: From<Error>>(
        &self,
        id: &TeamId,
        decide: impl Fn(&Team) -> std::result::Result<Team, E>,
    ) -> std::result::Result<Team, E> {
        self.change_group(id, decide).await
    }

    /// Deletes a team that `check` lets go; it sees the active rules that name the team. Records keep it as their owner.
    pub async fn delete_team<E: From<Error>>(
        &self,
        id: &TeamId,
        check: impl Fn(&Team, &[RuleId]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        self.delete_group(id, check).await
    }
}
