//! The CRM data set as it is found: four CSV files, with their spelling variants.

use std::path::{Path, PathBuf};

use anyhow::Context;
use local::demo::generate::{self, Crm, Product};
use serde::de::DeserializeOwned;

/// Names another folder than `../shared/data/crm` beside the checkout.
const FOLDER_VARIABLE: &str = "BATON_CRM_DATA";
/// As many opportunities as the data set has.
const GENERATED: usize = 8_800;
/// The seed of generated data.
const SEED: u64 = 2017;

/// Where the data came from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The files of this folder.
    Folder(PathBuf),
    /// Generated, because this folder does not exist.
    Generated(PathBuf),
}

/// Where the data set is looked for.
pub(crate) fn folder() -> PathBuf {
    match std::env::var_os(FOLDER_VARIABLE) {
        Some(path) if !path.is_empty() => path.into(),
        _ => local::checkout().join("../shared/data/crm"),
    }
}

/// Reads the data set, or generates one of its shape where the folder does not exist. A folder that exists must be
/// complete.
pub(crate) fn load(folder: &Path) -> anyhow::Result<(Crm, Source)> {
    if !folder.is_dir() {
        return Ok((generate::generate(SEED, GENERATED), Source::Generated(folder.to_owned())));
    }
    let crm = Crm {
        accounts: rows(&folder.join("accounts.csv"))?,
        sales_team: rows(&folder.join("sales_teams.csv"))?,
        products: rows(&folder.join("products.csv"))?,
        opportunities: rows(&folder.join("sales_pipeline.csv"))?,
    };
    Ok((crm, Source::Folder(folder.to_owned())))
}

fn rows<T: DeserializeOwned>(file: &Path) -> anyhow::Result<Vec<T>> {
    let mut reader = csv::Reader::from_path(file).with_context(|| format!("{} can't be opened", file.display()))?;
    let rows: Result<Vec<T>, csv::Error> = reader.deserialize().collect();
    rows.with_context(|| format!("{} can't be read", file.display()))
}

/// The product that a spelling means: letters and digits decide, so `GTXPro` is `GTX Pro`.
pub(crate) fn product<'a>(products: &'a [Product], spelling: &str) -> Option<&'a Product> {
    products.iter().find(|product| plain(&product.product) == plain(spelling))
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// An id made of a name: lower-case letters and digits, anything else one hyphen.
pub(crate) fn id(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_product_is_found_under_any_spelling() {
        let crm = generate::generate(1, 0);
        for (spelling, series) in [("GTXPro", "GTX"), ("gtx pro", "GTX"), ("MG  Special", "MG"), ("GTK-500", "GTK")] {
            assert_eq!(product(&crm.products, spelling).map(|p| p.series.as_str()), Some(series), "{spelling}");
        }
        assert_eq!(product(&crm.products, "GTX"), None);
    }

    #[test]
    fn ids_are_made_of_names() {
        assert_eq!(id("Kary Hendrixson"), "kary-hendrixson");
        assert_eq!(id("Alba & Sons"), "alba-sons");
    }

    #[test]
    fn without_the_folder_generated_data_stands_in() {
        let (crm, source) = load(Path::new("/nowhere/at/all")).unwrap();
        assert_eq!(source, Source::Generated("/nowhere/at/all".into()));
        assert_eq!((crm.accounts.len(), crm.sales_team.len(), crm.opportunities.len()), (85, 35, GENERATED));
    }

    #[test]
    fn the_files_are_read_as_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(
            "accounts.csv",
            "account,sector,year_established,revenue,employees,office_location,subsidiary_of\n\
             Acme Corporation,technolgy,1996,1100.04,2822,United States,\n",
        );
        write("sales_teams.csv", "sales_agent,manager,regional_office\nAnna Snelling,Dustin Brinkmann,Central\n");
        write("products.csv", "product,series,sales_price\nGTX Pro,GTX,4821\n");
        write(
            "sales_pipeline.csv",
            "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n\
             1C1I7A6R,Moses Frase,GTXPro,Cancity,Won,2016-10-20,2017-03-01,1054\n\
             9ME3374G,Moses Frase,GTXPro,,Prospecting,,,\n",
        );
        let (crm, source) = load(folder.path()).unwrap();
        assert_eq!(source, Source::Folder(folder.path().to_owned()));
        assert_eq!(crm.accounts[0].subsidiary_of, None);
        assert_eq!(crm.opportunities[0].engage_date, Some(jiff::civil::date(2016, 10, 20)));
        assert_eq!((&crm.opportunities[1].account, crm.opportunities[1].engage_date), (&None, None));
        fs::remove_file(folder.path().join("products.csv")).unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("products.csv"), "{error}");
    }
}
