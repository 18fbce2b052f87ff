//! Which rights the callers have used: what the policies in `infra/template.yaml` must hold, and all that they may.
//!
//! Written to the file that [`FILE_VARIABLE`] names, a line for each right of each caller; several processes may write.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::Mutex;

use crate::fault_proxy::call::Call;

/// The environment variable that names the file. Without it nothing is noted.
pub const FILE_VARIABLE: &str = "BATON_RIGHTS";

/// What was noted already, and where.
#[derive(Debug, Default)]
pub(crate) struct Rights(Option<(File, Mutex<BTreeSet<String>>)>);

impl Rights {
    /// Notes what is used from now on, if somebody wants to know.
    pub(crate) fn from_environment() -> std::io::Result<Self> {
        let Some(path) = std::env::var_os(FILE_VARIABLE) else { return Ok(Self::default()) };
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Some((file, Mutex::default()))))
    }

    /// Notes the rights that this call needs.
    pub(crate) fn note(&self, call: &Call) {
        let Some((file, noted)) = &self.0 else { return };
        for (action, resource) in call.rights() {
            let line = format!("{} {action} {resource}\n", call.caller);
            if noted.lock().expect("nothing panics while it is held").insert(line.clone()) {
                // One short write to a file that is open for appending: lines of several writers don't mix.
                let mut file = file;
                file.write_all(line.as_bytes()).expect("the file of rights can be written");
            }
        }
    }
}
