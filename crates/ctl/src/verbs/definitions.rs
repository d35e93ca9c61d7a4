//! Definitions in and out.

use std::io::Read;

use serde_json::Value;

use super::Argument::{Flag, Optional};
use super::{Verb, done, verb};
use crate::call::Call;
use crate::failure::Failure;
use crate::output::Output;

pub(super) const VERBS: &[Verb] = &[
    verb!(
        "export_definitions",
        "Write all definitions to a file, or - for the standard output",
        [Optional("filename")],
        export
    ),
    verb!(
        "import_definitions",
        "Read definitions from a file, or the standard input",
        [Optional("filename"), Flag("skip-if-unchanged")],
        import
    ),
];

async fn export(call: &Call) -> Result<Output, Failure> {
    let definitions = call.get("/api/definitions").await?;
    match call.maybe("filename") {
        None | Some("-") => Ok(Output::Json(definitions)),
        Some(file) => {
            std::fs::write(file, format!("{definitions:#}\n"))
                .map_err(|error| Failure::data(format!("cannot write {file}: {error}")))?;
            done(format!(
                "Exporting definitions in JSON to a file at \"{file}\" ..."
            ))
        }
    }
}

async fn import(call: &Call) -> Result<Output, Failure> {
    let from = call.maybe("filename").unwrap_or("-");
    let text = match from {
        "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text)
        }
        file => std::fs::read_to_string(file),
    };
    let text = text.map_err(|error| Failure::data(format!("cannot read {from}: {error}")))?;
    let definitions: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::data(format!("{from} is not JSON: {error}")))?;
    call.post("/api/definitions", &definitions).await?;
    done("Successfully started definition import. This process is synchronous: it is done.")
}
