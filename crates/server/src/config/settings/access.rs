//! Users, what a new broker has, and what is read into it at the start.

use broker::DefaultVhostLimits;

use super::super::{Config, value};
use super::{Setting, Wrong, choice, keep, limit, path, setting};

pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "default_user",
        "guest",
        "name",
        "user created in an empty data directory",
        |config, _, text| keep(&mut config.broker.default_user, text),
    ),
    setting(
        "default_pass",
        "guest",
        "password",
        "its password",
        |config, _, text| keep(&mut config.broker.default_pass, text),
    ),
    setting(
        "default_user_tags.$tag",
        "",
        "true or false",
        "its tags (administrator)",
        |config, tag, text| {
            let tags = &mut config.broker.default_user_tags;
            tags.retain(|other| other != tag);
            tags.extend(value::switch(text)?.then(|| tag.to_owned()));
            Ok(())
        },
    )
    .list(|config| config.broker.default_user_tags.clear()),
    setting(
        "default_permissions.configure",
        ".*",
        "regular expression",
        "what it may declare and delete in the default virtual host",
        |config, _, text| regex(&mut config.broker.default_permissions.configure, text),
    ),
    setting(
        "default_permissions.write",
        ".*",
        "regular expression",
        "what it may publish to there",
        |config, _, text| regex(&mut config.broker.default_permissions.write, text),
    ),
    setting(
        "default_permissions.read",
        ".*",
        "regular expression",
        "what it may consume from there",
        |config, _, text| regex(&mut config.broker.default_permissions.read, text),
    ),
    setting(
        "default_vhost",
        "/",
        "name",
        "virtual host created in an empty data directory",
        |config, _, text| keep(&mut config.broker.default_vhost, text),
    ),
    setting(
        "quorum_queue.property_equivalence.relaxed_checks_on_redeclaration",
        "false",
        "true or false",
        "a quorum queue may be declared again as a classic one, if little else differs",
        |config, _, text| {
            config.broker.relaxed_redeclaration = value::switch(text)?;
            Ok(())
        },
    ),
    setting(
        "default_queue_type",
        "classic",
        "classic, quorum or stream",
        "type of queues declared without one",
        |config, _, text| {
            let name = match text {
                "rabbit_classic_queue" => "classic",
                "rabbit_quorum_queue" => "quorum",
                "rabbit_stream_queue" => "stream",
                _ => text,
            };
            let types = ["classic", "quorum", "stream"].map(|name| (name, name));
            choice(name, &types)?.clone_into(&mut config.broker.default_queue_type);
            Ok(())
        },
    ),
    setting(
        "loopback_users",
        "",
        "none",
        "'none': every user may connect from anywhere",
        |_, _, text| match text {
            "none" => Ok(()),
            _ => Err(format!("expected none, got '{text}'").into()),
        },
    )
    .list(|config| config.broker.loopback_users.clear()),
    setting(
        "loopback_users.$name",
        "",
        "true or false",
        "user may connect from this machine only (guest)",
        |config, name, text| {
            let users = &mut config.broker.loopback_users;
            users.retain(|user| user != name);
            users.extend(value::switch(text)?.then(|| name.to_owned()));
            Ok(())
        },
    )
    .list(|config| config.broker.loopback_users.clear()),
    setting(
        "anonymous_login_user",
        "",
        "name or none",
        "'none': SASL ANONYMOUS is not offered (the default user)",
        |config, _, text| {
            config.broker.anonymous_login = text != "none";
            if text == "none" || text == config.broker.default_user {
                return Ok(());
            }
            Err(Wrong::Ignored(
                "anonymous clients log in as the default user, or not at all".to_owned(),
            ))
        },
    ),
    setting(
        "auth_mechanisms.$n",
        "",
        "name",
        "a SASL mechanism to offer (PLAIN, AMQPLAIN, ANONYMOUS; EXTERNAL with certificates)",
        |config, _, text| {
            let known = ["PLAIN", "AMQPLAIN", "ANONYMOUS", "EXTERNAL"].map(|name| (name, name));
            let mechanism = choice(text, &known)?.to_owned();
            config.broker.auth_mechanisms.push(mechanism);
            Ok(())
        },
    )
    .list(|config| config.broker.auth_mechanisms.clear()),
    setting(
        "auth_backends.$n",
        "internal",
        "internal",
        "where users are: in the broker",
        |_, _, text| match text {
            "internal" | "rabbit_auth_backend_internal" => Ok(()),
            _ => Err(format!(
                "only 'internal' exists, got '{text}'; \
                 ignoring it could let in whom it would refuse"
            )
            .into()),
        },
    ),
    setting(
        "password_hashing_module",
        "rabbit_password_hashing_sha256",
        "name",
        "how new passwords are hashed: …_sha256, …_sha512 or …_md5",
        |config, _, text| {
            let modules = ["sha256", "sha512", "md5"].map(|hash| {
                let name = format!("rabbit_password_hashing_{hash}");
                (name.clone(), name)
            });
            let named = modules.each_ref().map(|(key, name)| (&**key, name.clone()));
            config.broker.password_hashing_module = choice(text, &named)?;
            Ok(())
        },
    ),
    setting(
        "default_limits.vhosts.$n.pattern",
        "",
        "regular expression",
        "new virtual hosts with such a name get the limits of the same $n",
        |config, n, text| {
            vhost_limits(config, n).pattern = text.to_owned();
            Ok(())
        },
    ),
    setting(
        "default_limits.vhosts.$n.max_connections",
        "",
        "connections",
        "max-connections of such virtual hosts; -1 is none",
        |config, n, text| {
            vhost_limits(config, n).max_connections = vhost_limit(text)?;
            Ok(())
        },
    ),
    setting(
        "default_limits.vhosts.$n.max_queues",
        "",
        "queues",
        "max-queues of such virtual hosts; -1 is none",
        |config, n, text| {
            vhost_limits(config, n).max_queues = vhost_limit(text)?;
            Ok(())
        },
    ),
    setting(
        "load_definitions",
        "",
        "file or directory",
        "definitions (JSON) to import at the start",
        |config, _, text| path(&mut config.broker.load_definitions, text),
    ),
    setting(
        "definitions.import_backend",
        "local_filesystem",
        "local_filesystem",
        "where definitions come from",
        |_, _, text| choice(text, &[("local_filesystem", ()), ("local_file", ())]),
    ),
    setting(
        "definitions.local.path",
        "",
        "file or directory",
        "as load_definitions",
        |config, _, text| path(&mut config.broker.load_definitions, text),
    ),
    setting(
        "definitions.local_filesystem.path",
        "",
        "file or directory",
        "as load_definitions",
        |config, _, text| path(&mut config.broker.load_definitions, text),
    ),
    setting(
        "definitions.skip_if_unchanged",
        "false",
        "true or false",
        "import them only if they have changed since the last start",
        |config, _, text| {
            config.broker.definitions_skip_if_unchanged = value::switch(text)?;
            Ok(())
        },
    ),
];

/// An empty one matches nothing. The broker compiles it.
fn regex(field: &mut String, text: &str) -> Result<(), Wrong> {
    text.clone_into(field);
    Ok(())
}

fn vhost_limit(text: &str) -> Result<Option<u32>, Wrong> {
    if text == "-1" { Ok(None) } else { limit(text) }
}

/// The limits named `n`, in order of their first mention.
fn vhost_limits<'c>(config: &'c mut Config, n: &str) -> &'c mut DefaultVhostLimits {
    let names = &mut config.vhost_limit_names;
    let index = names.iter().position(|name| name == n).unwrap_or_else(|| {
        names.push(n.to_owned());
        names.len() - 1
    });
    let all = &mut config.broker.default_vhost_limits;
    while all.len() <= index {
        all.push(DefaultVhostLimits {
            pattern: ".*".to_owned(),
            max_connections: None,
            max_queues: None,
        });
    }
    &mut all[index]
}
