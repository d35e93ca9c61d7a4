//! Users and their passwords.

use serde_json::{Value, json};

use super::Argument::{Flag, Optional, Required, Words};
use super::{Verb, done, verb};
use crate::call::Call;
use crate::failure::Failure;
use crate::http::{Target, segment};
use crate::output::Output;

pub(super) const VERBS: &[Verb] = &[
    verb!(
        "add_user",
        "Create a user",
        [
            Required("username"),
            Optional("password"),
            Flag("pre-hashed-password")
        ],
        add
    ),
    verb!(
        "delete_user",
        "Delete a user",
        [Required("username")],
        delete
    ),
    verb!(
        "change_password",
        "Change a user's password",
        [Required("username"), Optional("password")],
        change_password
    ),
    verb!(
        "clear_password",
        "Let a user log in with no password any more",
        [Required("username")],
        clear_password
    ),
    verb!(
        "authenticate_user",
        "Try a user's password",
        [Required("username"), Optional("password")],
        authenticate
    ),
    verb!(
        "set_user_tags",
        "Replace a user's tags",
        [Required("username"), Words("tag")],
        set_tags
    ),
    verb!("list_users", "List users and their tags", [], list),
    verb!(
        "hash_password",
        "Hash a password as the broker keeps it",
        [Required("cleartext")],
        hash
    ),
];

fn path(user: &str) -> String {
    format!("/api/users/{}", segment(user))
}

/// The password that was given, or the first line of the standard input.
fn password(call: &Call) -> Result<String, Failure> {
    if let Some(password) = call.maybe("password") {
        return Ok(password.to_owned());
    }
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|error| Failure::data(format!("no password: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn existing(call: &Call, user: &str) -> Result<Value, Failure> {
    match call.exists(&path(user)).await? {
        true => call.get(&path(user)).await,
        false => Err(Failure::refused(format!("User \"{user}\" does not exist"))),
    }
}

async fn add(call: &Call) -> Result<Output, Failure> {
    let user = call.text("username");
    if call.exists(&path(user)).await? {
        return Err(Failure::refused(format!("User \"{user}\" already exists")));
    }
    let key = if call.flag("pre-hashed-password") {
        "password_hash"
    } else {
        "password"
    };
    let password = password(call)?;
    if password.is_empty() {
        return Err(Failure::data("user password cannot be empty"));
    }
    call.put(&path(user), &json!({ key: password, "tags": "" }))
        .await?;
    done(format!(
        "Adding user \"{user}\" ...\nDone. Don't forget to grant the user permissions to some \
         virtual hosts! See 'set_permissions'."
    ))
}

async fn delete(call: &Call) -> Result<Output, Failure> {
    let user = call.text("username");
    existing(call, user).await?;
    call.delete(&path(user)).await?;
    done(format!("Deleting user \"{user}\" ..."))
}

async fn change_password(call: &Call) -> Result<Output, Failure> {
    let user = call.text("username");
    let tags = existing(call, user).await?["tags"].take();
    let password = password(call)?;
    if password.is_empty() {
        return Err(Failure::data("user password cannot be empty"));
    }
    call.put(&path(user), &json!({ "password": password, "tags": tags }))
        .await?;
    done(format!("Changing password for user \"{user}\" ..."))
}

async fn clear_password(call: &Call) -> Result<Output, Failure> {
    let user = call.text("username");
    let tags = existing(call, user).await?["tags"].take();
    call.put(&path(user), &json!({ "password_hash": "", "tags": tags }))
        .await?;
    done(format!("Clearing password for user \"{user}\" ..."))
}

async fn authenticate(call: &Call) -> Result<Output, Failure> {
    let user = call.text("username").to_owned();
    let Target::Address { address, .. } = &call.target else {
        return Err(Failure::usage(
            "authenticate_user needs --url http://HOST:PORT",
        ));
    };
    let asks = Call {
        target: Target::Address {
            address: address.clone(),
            user: user.clone(),
            password: password(call)?,
        },
        arguments: call.arguments.clone(),
        vhost: call.vhost.clone(),
    };
    match asks.get("/api/whoami").await {
        Ok(_) => done(format!("Authenticating user \"{user}\" ...\nSuccess")),
        // The password was right, the user just has no business with this API.
        Err(failure) if failure.text.contains("Not management user") => {
            done(format!("Authenticating user \"{user}\" ...\nSuccess"))
        }
        Err(_) => Err(Failure::data(format!(
            "failed to authenticate user \"{user}\""
        ))),
    }
}

async fn set_tags(call: &Call) -> Result<Output, Failure> {
    let user = call.text("username");
    let before = existing(call, user).await?;
    let tags = call.words("tag");
    let body = json!({
        "password_hash": before["password_hash"],
        "hashing_algorithm": before["hashing_algorithm"],
        "tags": tags,
    });
    call.put(&path(user), &body).await?;
    done(format!(
        "Setting tags for user \"{user}\" to [{}] ...",
        tags.join(", ")
    ))
}

async fn list(call: &Call) -> Result<Output, Failure> {
    let users = call.get("/api/users").await?;
    let rows = users.as_array().into_iter().flatten();
    Ok(Output::Table {
        title: "Listing users ...".to_owned(),
        columns: vec!["user".to_owned(), "tags".to_owned()],
        rows: rows
            .map(|user| vec![user["name"].clone(), user["tags"].clone()])
            .collect(),
    })
}

async fn hash(call: &Call) -> Result<Output, Failure> {
    let path = format!(
        "/api/auth/hash_password/{}",
        segment(call.text("cleartext"))
    );
    let answer = call.get(&path).await?;
    Ok(Output::Text(
        answer["ok"].as_str().unwrap_or_default().to_owned(),
    ))
}
