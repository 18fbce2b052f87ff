//! A customer base of the same shape as the public CRM data set that the replay feeds, from a seed.
//!
//! 85 accounts in ten sectors (one of them spelt the way the real data spells it), 35 sellers in three regional offices
//! under six managers of whom five never sold, seven products in three series, and as many opportunities as asked for:
//! won, lost, engaging and prospecting in the real proportions, some without an account. The row types read and write
//! the CSV files of that data set. The names are made up; the same seed gives the same rows.

use std::collections::HashSet;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use rand::rngs::ChaCha8Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// A row of `accounts.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The company's name, unique.
    pub account: String,
    /// The sector, spelt as it is found (`technolgy`).
    pub sector: String,
    /// The year it was established.
    pub year_established: u16,
    /// Annual revenue in millions of dollars.
    pub revenue: f64,
    /// How many people work there.
    pub employees: u32,
    /// The country of its office.
    pub office_location: String,
    /// The name of the parent company, if it has one.
    pub subsidiary_of: Option<String>,
}

/// A row of `sales_teams.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesTeamMember {
    /// The seller's name, unique.
    pub sales_agent: String,
    /// The manager's name.
    pub manager: String,
    /// The office: Central, East or West.
    pub regional_office: String,
}

/// A row of `products.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The product's name as the price list spells it.
    pub product: String,
    /// The series it belongs to.
    pub series: String,
    /// List price in dollars.
    pub sales_price: u32,
}

/// A row of `sales_pipeline.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opportunity {
    /// Eight capital letters and digits, unique.
    pub opportunity_id: String,
    /// The seller's name.
    pub sales_agent: String,
    /// The product as sellers spell it: `GTXPro` for `GTX Pro`.
    pub product: String,
    /// The account's name; absent for some that are prospecting or engaging.
    pub account: Option<String>,
    /// Prospecting, Engaging, Won or Lost.
    pub deal_stage: String,
    /// When the seller began; absent while prospecting.
    pub engage_date: Option<Date>,
    /// When it was won or lost.
    pub close_date: Option<Date>,
    /// What it brought in dollars: 0 when lost, absent while open.
    pub close_value: Option<f64>,
}

/// The four tables together.
#[derive(Debug, Clone, PartialEq)]
pub struct Crm {
    /// 85 companies.
    pub accounts: Vec<Account>,
    /// 35 sellers.
    pub sales_team: Vec<SalesTeamMember>,
    /// Seven products.
    pub products: Vec<Product>,
    /// As many as asked for, by engage date, those without one last.
    pub opportunities: Vec<Opportunity>,
}

const ACCOUNTS: usize = 85;
const SELLERS_WITHOUT_A_SALE: usize = 5;
const FIRST_ENGAGE_DATE: Date = date(2016, 10, 20);
const DAYS_OF_ENGAGING: i64 = 430;
const LAST_CLOSE_DATE: Date = date(2017, 12, 31);

/// Sectors with their number of accounts among 85.
const SECTORS: [(&str, usize); 10] = [
    ("retail", 17),
    ("technolgy", 12),
    ("medical", 12),
    ("finance", 8),
    ("marketing", 8),
    ("software", 7),
    ("entertainment", 6),
    ("telecommunications", 6),
    ("services", 5),
    ("employment", 4),
];

/// Product, series, list price, share of the opportunities in thousandths, and the sellers' spelling.
const PRODUCTS: [(&str, &str, u32, u32, &str); 7] = [
    ("GTX Basic", "GTX", 550, 212, "GTX Basic"),
    ("GTX Pro", "GTX", 4_821, 168, "GTXPro"),
    ("MG Special", "MG", 55, 188, "MG Special"),
    ("MG Advanced", "MG", 3_393, 160, "MG Advanced"),
    ("GTX Plus Pro", "GTX", 5_482, 110, "GTX Plus Pro"),
    ("GTX Plus Basic", "GTX", 1_096, 157, "GTX Plus Basic"),
    ("GTK 500", "GTK", 26_768, 5, "GTK 500"),
];

/// Office, manager, number of sellers.
const OFFICES: [(&str, &str, usize); 6] = [
    ("Central", "Ada Lindqvist", 5),
    ("Central", "Tomas Okafor", 6),
    ("East", "Mirela Costa", 6),
    ("East", "Henrik Sandoval", 6),
    ("West", "Priya Novak", 6),
    ("West", "Oskar Whitfield", 6),
];

const GIVEN_NAMES: [&str; 35] = [
    "Anika", "Bruno", "Carla", "Dario", "Elin", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaia", "Leo", "Maren",
    "Nils", "Olga", "Pavel", "Quinn", "Rosa", "Stefan", "Tilda", "Uwe", "Vera", "Wanda", "Xavier", "Yara", "Zeno",
    "Alma", "Boris", "Clara", "Dmitri", "Edda", "Filip", "Gloria", "Hana", "Ivo",
];

const FAMILY_NAMES: [&str; 35] = [
    "Ahlgren",
    "Bianchi",
    "Castell",
    "Duarte",
    "Eklund",
    "Ferrari",
    "Gruber",
    "Hoffman",
    "Iversen",
    "Jansen",
    "Kowalski",
    "Larsen",
    "Mendes",
    "Nilsson",
    "Ortega",
    "Petrov",
    "Quintero",
    "Rossi",
    "Sorensen",
    "Takahashi",
    "Ulrich",
    "Vargas",
    "Weber",
    "Xiang",
    "Yilmaz",
    "Zeman",
    "Abbott",
    "Barros",
    "Cabrera",
    "Dahl",
    "Engel",
    "Fonseca",
    "Garcia",
    "Herrera",
    "Ibarra",
];

const COMPANY_BEGINNINGS: [&str; 17] = [
    "Alba", "Brio", "Cela", "Dora", "Enva", "Fola", "Gala", "Hexa", "Inva", "Jura", "Kiva", "Luma", "Mira", "Nova",
    "Orba", "Pola", "Runa",
];

const COMPANY_ENDINGS: [&str; 5] = ["dyne", "field", "works", "line", " & Sons"];

const ABROAD: [&str; 13] = [
    "Belgium",
    "Brazil",
    "China",
    "Germany",
    "Italy",
    "Japan",
    "Jordan",
    "Kenya",
    "Korea",
    "Norway",
    "Panama",
    "Philipines",
    "Poland",
];

/// The customer base that belongs to a seed, with this many opportunities.
///
/// ```
/// let crm = local::demo::generate::generate(1, 100);
/// assert_eq!((crm.accounts.len(), crm.sales_team.len(), crm.opportunities.len()), (85, 35, 100));
/// ```
#[must_use]
pub fn generate(seed: u64, opportunities: usize) -> Crm {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let accounts = accounts(&mut random);
    let sales_team = sales_team(&mut random);
    let opportunities = pipeline(&mut random, &accounts, &sales_team, opportunities);
    let products = PRODUCTS
        .iter()
        .map(|&(product, series, sales_price, ..)| Product {
            product: product.into(),
            series: series.into(),
            sales_price,
        })
        .collect();
    Crm { accounts, sales_team, products, opportunities }
}

fn accounts(random: &mut ChaCha8Rng) -> Vec<Account> {
    let mut names: Vec<String> = COMPANY_BEGINNINGS
        .iter()
        .flat_map(|beginning| COMPANY_ENDINGS.iter().map(move |ending| format!("{beginning}{ending}")))
        .collect();
    names.shuffle(random);
    let mut sectors: Vec<&str> = SECTORS.iter().flat_map(|&(sector, count)| vec![sector; count]).collect();
    sectors.shuffle(random);
    let mut accounts: Vec<Account> = names
        .into_iter()
        .zip(sectors)
        .take(ACCOUNTS)
        .map(|(account, sector)| {
            let employees = random.random_range(9..=20_000);
            let dollars_per_head = random.random_range(0.15..0.6);
            let abroad = ABROAD.choose(random).filter(|_| random.random_bool(0.16));
            Account {
                account,
                sector: sector.into(),
                year_established: random.random_range(1979..=2017),
                revenue: (f64::from(employees) * dollars_per_head * 100.0).round() / 100.0,
                employees,
                office_location: abroad.copied().unwrap_or("United States").into(),
                subsidiary_of: None,
            }
        })
        .collect();
    // Parents are among the first seven and never subsidiaries themselves.
    for index in 7..accounts.len() {
        if random.random_bool(0.18) {
            accounts[index].subsidiary_of = Some(accounts[random.random_range(0..7)].account.clone());
        }
    }
    accounts
}

fn sales_team(random: &mut ChaCha8Rng) -> Vec<SalesTeamMember> {
    let mut family_names = FAMILY_NAMES;
    family_names.shuffle(random);
    let places = OFFICES.iter().flat_map(|&(office, manager, sellers)| vec![(office, manager); sellers]);
    GIVEN_NAMES
        .iter()
        .zip(family_names)
        .zip(places)
        .map(|((given, family), (office, manager))| SalesTeamMember {
            sales_agent: format!("{given} {family}"),
            manager: manager.into(),
            regional_office: office.into(),
        })
        .collect()
}

fn pipeline(
    random: &mut ChaCha8Rng,
    accounts: &[Account],
    sales_team: &[SalesTeamMember],
    count: usize,
) -> Vec<Opportunity> {
    let sellers: Vec<&str> = sales_team
        .sample(random, sales_team.len() - SELLERS_WITHOUT_A_SALE)
        .map(|member| member.sales_agent.as_str())
        .collect();
    let mut ids = HashSet::new();
    let mut rows: Vec<Opportunity> = (0..count)
        .map(|_| {
            let opportunity_id = loop {
                let id = opportunity_id(random);
                if ids.insert(id.clone()) {
                    break id;
                }
            };
            opportunity(random, opportunity_id, accounts, &sellers)
        })
        .collect();
    rows.sort_by_key(|row| (row.engage_date.is_none(), row.engage_date));
    rows
}

fn opportunity_id(random: &mut ChaCha8Rng) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    (0..8).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()
}

fn opportunity(random: &mut ChaCha8Rng, opportunity_id: String, accounts: &[Account], sellers: &[&str]) -> Opportunity {
    let &(_, _, price, _, spelling) = PRODUCTS
        .choose_weighted(random, |&(_, _, _, share, _)| share)
        .expect("the shares of the products are positive");
    let &(deal_stage, _) = [("Won", 482), ("Lost", 281), ("Engaging", 180), ("Prospecting", 57)]
        .choose_weighted(random, |&(_, share)| share)
        .expect("the shares of the stages are positive");
    let open = matches!(deal_stage, "Engaging" | "Prospecting");
    let engage_date = (deal_stage != "Prospecting")
        .then(|| FIRST_ENGAGE_DATE.saturating_add(random.random_range(0..DAYS_OF_ENGAGING).days()));
    let close_date = engage_date
        .filter(|_| !open)
        .map(|engaged| engaged.saturating_add(random.random_range(1..=138).days()).min(LAST_CLOSE_DATE));
    let close_value = close_date.map(|_| match deal_stage {
        "Won" => (f64::from(price) * random.random_range(0.8..1.2)).round(),
        _ => 0.0,
    });
    let account = accounts.choose(random).filter(|_| !(open && random.random_bool(0.68)));
    Opportunity {
        opportunity_id,
        sales_agent: (*sellers.choose(random).expect("somebody sells")).to_owned(),
        product: spelling.to_owned(),
        account: account.map(|account| account.account.clone()),
        deal_stage: deal_stage.to_owned(),
        engage_date,
        close_date,
        close_value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_rows_and_another_seed_gives_others() {
        assert_eq!(generate(7, 200), generate(7, 200));
        assert_ne!(generate(7, 200), generate(8, 200));
    }

    #[test]
    fn the_shape_is_that_of_the_real_data() {
        let crm = generate(1, 8_800);
        assert_eq!(crm.accounts.iter().map(|row| &row.account).collect::<HashSet<_>>().len(), 85);
        assert_eq!(crm.accounts.iter().map(|row| &row.sector).collect::<HashSet<_>>().len(), 10);
        assert_eq!(crm.sales_team.iter().map(|row| &row.sales_agent).collect::<HashSet<_>>().len(), 35);
        assert_eq!(crm.sales_team.iter().map(|row| &row.manager).collect::<HashSet<_>>().len(), 6);
        assert_eq!(crm.sales_team.iter().map(|row| &row.regional_office).collect::<HashSet<_>>().len(), 3);
        assert_eq!(crm.products.iter().map(|row| &row.series).collect::<HashSet<_>>().len(), 3);
        assert_eq!(crm.opportunities.iter().map(|row| &row.opportunity_id).collect::<HashSet<_>>().len(), 8_800);
        assert_eq!(crm.opportunities.iter().map(|row| &row.sales_agent).collect::<HashSet<_>>().len(), 30);
        let without_account = crm.opportunities.iter().filter(|row| row.account.is_none()).count();
        assert!((1_200..1_650).contains(&without_account), "{without_account}");
        let without_engage_date = crm.opportunities.iter().filter(|row| row.engage_date.is_none()).count();
        assert!((400..600).contains(&without_engage_date), "{without_engage_date}");
    }

    #[test]
    fn every_row_is_consistent_in_itself() {
        let crm = generate(3, 2_000);
        for row in &crm.opportunities {
            let closed = matches!(row.deal_stage.as_str(), "Won" | "Lost");
            assert_eq!(row.close_date.is_some(), closed, "{row:?}");
            assert_eq!(row.close_value.is_some(), closed, "{row:?}");
            assert_eq!(row.engage_date.is_none(), row.deal_stage == "Prospecting", "{row:?}");
            assert!(row.close_date.is_none_or(|closed| row.engage_date.is_some_and(|engaged| engaged <= closed)));
            assert!(!closed || row.account.is_some(), "{row:?}");
        }
    }
}
