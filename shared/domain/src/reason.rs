//! Why an operation of a run failed: stable codes that are part of the API, and their text (SPEC.md 6.3, MON-45).

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $text:literal;)*) => {
        /// Why segmentation, assignment or the connection of a sequence failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl Reason {
            /// Every reason, in the order of the specification.
            pub const ALL: &[Reason] = &[$(Reason::$name),*];

            /// The stable code, as in JSON.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Reason::$name => $word,)* }
            }

            /// The status reason as people read it.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Reason::$name => $text,)* }
            }

            /// Whether a seller who has room, is there, fits or is permitted would do away with it.
            #[must_use]
            pub fn waits_for_a_seller(self) -> bool {
                matches!(
                    self,
                    Self::NoSellerMatches | Self::NoAvailability | Self::NoCapacity | Self::SellerLacksPermission
                )
            }

            /// The reason of a code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Reason> {
                Self::ALL.iter().copied().find(|reason| reason.code() == code)
            }
        }
    };
}

reasons! {
    /// MON-20.
    ServerError = "serverError", "There was an issue with the server";
    /// MON-21.
    NoConditionMet = "noConditionMet", "Record doesn't meet any conditions";
    /// MON-22.
    NoSellerMatches = "noSellerMatches", "No sellers meet the conditions";
    /// MON-23.
    NoAvailability = "noAvailability", "Eligible sellers don't have availability";
    /// MON-24.
    NoCapacity = "noCapacity", "Eligible sellers don't have capacity";
    /// MON-25.
    NoActiveRule = "noActiveRule", "No assignment rule for this record's segment";
    /// MON-26.
    SellerLacksPermission = "sellerLacksPermission", "Record unassigned as seller doesn't have the necessary permissions";
    /// MON-27.
    RecordTooOld = "recordTooOld", "Seller not assigned as record is older than the set timeframe";
    /// MON-28.
    SeveralTeams = "severalTeams", "Multiple eligible teams found";
    /// MON-29.
    NoTeam = "noTeam", "Couldn't find eligible team";
    /// MON-30.
    SeveralQueues = "severalQueues", "Multiple eligible queues found";
    /// MON-31.
    NoQueue = "noQueue", "Couldn't find eligible queue";
    /// MON-32.
    RulesDoNotRunOnMove = "rulesDoNotRunOnMove", "Rules won't run for this segment";
    /// MON-33.
    ServicePermission = "servicePermission", "The engine doesn't have the necessary permissions";
    /// MON-40.
    SegmentError = "segmentError", "Something went wrong while the record was segmented";
    /// MON-41.
    NoSegment = "noSegment", "No matching segments";
    /// MON-42.
    SequenceInactive = "sequenceInactive", "Sequence is either deleted or inactive";
    /// MON-43.
    SequenceSellerPermission = "sequenceSellerPermission", "Seller doesn't have necessary permissions for the sequence";
    /// MON-44.
    SequenceError = "sequenceError", "Something went wrong while the sequence was connected";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_as_its_reason() {
        for &reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
        }
    }
}
