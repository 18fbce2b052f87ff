//! Who is in which team or queue, seen from the seller. Members are kept on the teams and queues and nowhere else, so the
//! two can't disagree; the writes made here are parts of a seller's own transaction.

use std::collections::BTreeMap;

use domain::id::{SellerId, TeamId};
use domain::members::MAX_MEMBERS;
use domain::queue::Queue;
use domain::team::Team;

use crate::error::{Error, Result};
use crate::groups::Group;
use crate::store::Store;
use crate::transaction::{MAX_WRITES, Transaction};

impl Store {
    /// The teams that a seller is a member of, in the order of their ids.
    pub async fn teams_of(&self, seller: &SellerId) -> Result<Vec<TeamId>> {
        let teams = self.teams().await?.into_iter();
        Ok(teams.filter(|team| team.member_ids.contains(seller)).map(|team| team.id).collect())
    }

    /// The teams of every seller who is in one, in the order of their ids.
    pub(crate) async fn teams_by_member(&self) -> Result<BTreeMap<SellerId, Vec<TeamId>>> {
        let mut teams_of: BTreeMap<SellerId, Vec<TeamId>> = BTreeMap::new();
        for Team { id, member_ids, .. } in self.teams().await? {
            for member in member_ids {
                teams_of.entry(member).or_default().push(id.clone());
            }
        }
        Ok(teams_of)
    }

    /// Adds the writes that make a seller a member of exactly these teams. Each relies on the team as it is read here.
    pub(crate) async fn join_teams(
        &self,
        transaction: &mut Transaction,
        seller: &SellerId,
        wanted: &[TeamId],
    ) -> Result<()> {
        let teams = self.teams().await?;
        if let Some(unknown) = wanted.iter().find(|id| teams.iter().all(|team| team.id != **id)) {
            return Err(Error::refused("unknownTeam", format!("there is no team {unknown}")));
        }
        self.set_memberships(transaction, teams, seller, |team| wanted.contains(&team.id))
    }

    /// Adds the writes that take a seller out of all teams and queues.
    pub(crate) async fn leave_all(&self, transaction: &mut Transaction, seller: &SellerId) -> Result<()> {
        self.set_memberships::<Team>(transaction, self.teams().await?, seller, |_| false)?;
        self.set_memberships::<Queue>(transaction, self.queues().await?, seller, |_| false)
    }

    fn set_memberships<G: Group>(
        &self,
        transaction: &mut Transaction,
        groups: Vec<G>,
        seller: &SellerId,
        shall_be_member: impl Fn(&G) -> bool,
    ) -> Result<()> {
        for mut group in groups {
            let shall = shall_be_member(&group);
            let members = group.members();
            match (members.iter().position(|member| member == seller), shall) {
                (None, true) if members.len() >= MAX_MEMBERS => {
                    let message = format!("a team has at most {MAX_MEMBERS} members");
                    return Err(Error::refused("tooManyMembers", message));
                }
                (None, true) => members.push(seller.clone()),
                (Some(place), false) => drop(members.remove(place)),
                _ => continue,
            }
            self.replace_group(transaction, &group.next())?;
        }
        if transaction.len() > MAX_WRITES {
            let message = "the seller enters or leaves too many teams and queues at once; change some of those first";
            return Err(Error::refused("tooManyMemberships", message));
        }
        Ok(())
    }
}
