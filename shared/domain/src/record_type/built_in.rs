//! The record types that exist from the start, as data (API.md section 3, table of record types; ENT-54).

use super::{OWNER, RecordTypeDefinition, Relation};
use crate::column::{Column, ColumnType, label_of};
use crate::id::RecordType;

struct BuiltIn {
    record_type: &'static str,
    /// Names of columns by type, separated by blanks.
    columns: &'static [(ColumnType, &'static str)],
    /// Lookup columns and their targets.
    lookups: &'static [(&'static str, &'static str)],
    /// Relations to owned records and the type of those.
    owned: &'static [(&'static str, &'static str)],
    stages: &'static [&'static str],
}

use ColumnType::{Choice, Date, Money, Text, Whole, YesNo};

const BUILT_IN: [BuiltIn; 7] = [
    BuiltIn {
        record_type: "lead",
        columns: &[
            (
                Text,
                "topic firstName lastName companyName jobTitle email phone website street city state postalCode country \
                 industry leadSource campaign productInterest language",
            ),
            (Choice, "rating budget purchaseTimeframe purchaseProcess stage"),
            (Money, "estimatedValue annualRevenue"),
            (Whole, "employees leadScore"),
            (YesNo, "doNotEmail doNotCall"),
            (Date, "lastActivityOn"),
        ],
        lookups: &[("parentAccount", "account"), ("parentContact", "contact")],
        owned: &[],
        stages: &[],
    },
    BuiltIn {
        record_type: "opportunity",
        columns: &[
            (Text, "topic product productSeries description currency owningTerritory"),
            (Choice, "rating purchaseTimeframe stage forecastCategory"),
            (Money, "estimatedValue actualValue"),
            (Whole, "probability"),
            (Date, "estimatedCloseOn"),
        ],
        lookups: &[("parentAccount", "account"), ("parentContact", "contact")],
        owned: &[],
        stages: &["Qualify", "Develop", "Propose", "Close"],
    },
    BuiltIn {
        record_type: "account",
        columns: &[
            (Text, "name industry sector city state postalCode country website phone"),
            (Choice, "tier"),
            (Money, "revenue"),
            (Whole, "employees yearEstablished"),
            (YesNo, "isPartner"),
        ],
        lookups: &[("parentAccount", "account")],
        owned: &[],
        stages: &[],
    },
    BuiltIn {
        record_type: "contact",
        columns: &[(Text, "firstName lastName jobTitle email phone city country"), (YesNo, "doNotEmail")],
        lookups: &[("parentAccount", "account")],
        owned: &[],
        stages: &[],
    },
    BuiltIn {
        record_type: "seller",
        columns: &[(Text, "name email city state postalCode country region office title businessUnit managerId")],
        lookups: &[],
        owned: &[("accountsOwned", "account")],
        stages: &[],
    },
    BuiltIn {
        record_type: "team",
        columns: &[(Text, "name description region product")],
        lookups: &[],
        owned: &[],
        stages: &[],
    },
    BuiltIn {
        record_type: "queue",
        columns: &[(Text, "name description region product")],
        lookups: &[],
        owned: &[],
        stages: &[],
    },
];

/// The whole table.
pub(super) fn definitions() -> Vec<RecordTypeDefinition> {
    BUILT_IN.iter().map(BuiltIn::definition).collect()
}

impl BuiltIn {
    fn definition(&self) -> RecordTypeDefinition {
        let listed = self
            .columns
            .iter()
            .flat_map(|(column_type, names)| names.split_whitespace().map(|name| Column::new(name, *column_type)));
        let lookups = self.lookups.iter().map(|(name, target)| Column::lookup(*name, *target));
        let owned = self.owned.iter().map(|(name, owned)| Relation {
            name: (*name).to_owned(),
            record_type: RecordType::new(*owned),
            column: OWNER.to_owned(),
        });
        let mut definition = RecordTypeDefinition {
            record_type: RecordType::new(self.record_type),
            label: label_of(self.record_type),
            columns: listed.chain(lookups).collect(),
            relations: owned.collect(),
            enabled_for_queues: false,
            stages: self.stages.iter().map(|stage| (*stage).to_owned()).collect(),
        };
        definition.enabled_for_queues = definition.holds_records();
        definition.add_lookup_relations();
        definition
    }
}
