//! Keys that RabbitMQ knows and that have no effect here, and why.

/// What becomes of such a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsupported {
    /// It changes nothing that a client could notice; a warning is enough.
    Ignored(&'static str),
    /// Going on without it would be unsafe.
    Refused(&'static str),
}

use Unsupported::{Ignored, Refused};

const ONE_NODE: &str = "Leveret runs as one node";
const ERLANG: &str = "it tunes the Erlang runtime, which Leveret does not use";
const NO_PLUGIN: &str = "the plugin that it belongs to does not exist here";
const OWN_STORE: &str = "the log has its own settings (leveret.*)";
const SOCKETS: &str = "Leveret chooses the options of sockets itself";
const SAMPLES: &str = "samples are kept as long as by RabbitMQ's defaults";
const HTTP_SILENCE: &str = "connections that are silent for a minute are closed";
const CATEGORIES: &str = "a category has a level, but no file of its own";
const NO_BACKEND: &str = "there are no other users than the broker's own";

/// Keys or, where they end with a dot, beginnings of keys. The first that fits counts.
const KEYS: &[(&str, Unsupported)] = &[
    (
        "num_acceptors.",
        Ignored("sockets are accepted by one task per listener"),
    ),
    ("tcp_listen_options", Ignored(SOCKETS)),
    ("ranch_connection_max", Ignored("connection_max does this")),
    ("tcp_listen_options.", Ignored(SOCKETS)),
    ("ssl_options", Ignored("leave out ssl_options.* instead")),
    (
        "ssl_options.psk_identity",
        Refused("TLS with pre-shared keys does not exist here"),
    ),
    (
        "ssl_options.honor_cipher_order",
        Ignored("only safe ciphers are offered"),
    ),
    (
        "ssl_options.honor_ecc_order",
        Ignored("only safe curves are offered"),
    ),
    (
        "ssl_options.ciphers.",
        Ignored("only safe ciphers are offered, whatever the list"),
    ),
    (
        "ssl_options.client_renegotiation",
        Ignored("renegotiation does not exist here"),
    ),
    (
        "ssl_options.secure_renegotiate",
        Ignored("renegotiation does not exist here"),
    ),
    (
        "ssl_options.reuse_sessions",
        Ignored("sessions are resumed"),
    ),
    (
        "ssl_options.dh",
        Ignored("finite-field Diffie-Hellman is not offered"),
    ),
    (
        "ssl_options.dhfile",
        Ignored("finite-field Diffie-Hellman is not offered"),
    ),
    (
        "ssl_options.log_level",
        Ignored("log.connection.level does this"),
    ),
    (
        "ssl_options.log_alert",
        Ignored("failed handshakes are always logged"),
    ),
    (
        "ssl_options.bypass_pem_cache",
        Ignored("files are read again when they change"),
    ),
    (
        "ssl_options.cacerts.",
        Refused("name a file (ssl_options.cacertfile)"),
    ),
    (
        "ssl_options.cert",
        Refused("name a file (ssl_options.certfile)"),
    ),
    (
        "ssl_options.key.",
        Refused("name a file (ssl_options.keyfile)"),
    ),
    (
        "ssl_options.crl_check",
        Refused("certificates are not checked for revocation"),
    ),
    (
        "ssl_allow_poodle_attack",
        Ignored("SSL 3 does not exist here"),
    ),
    (
        "credential_validator.",
        Refused("passwords are not validated; take the key out if that is acceptable"),
    ),
    ("auth_backends.", Refused(NO_BACKEND)),
    (
        "definitions.hashing.algorithm",
        Ignored("definitions are compared by a hash of its own"),
    ),
    ("cluster_formation.", Ignored(ONE_NODE)),
    ("cluster_partition_handling", Ignored(ONE_NODE)),
    ("cluster_partition_handling.", Ignored(ONE_NODE)),
    ("cluster_keepalive_interval", Ignored(ONE_NODE)),
    ("cluster_node_type", Ignored(ONE_NODE)),
    ("cluster_tags.", Ignored(ONE_NODE)),
    ("node_tags.", Ignored(ONE_NODE)),
    ("net_ticktime", Ignored(ONE_NODE)),
    ("distribution.", Ignored(ONE_NODE)),
    ("queue_master_locator", Ignored(ONE_NODE)),
    ("queue_leader_locator", Ignored(ONE_NODE)),
    ("mirroring_", Ignored(ONE_NODE)),
    ("quorum_cluster_size", Ignored(ONE_NODE)),
    ("quorum_commands_soft_limit", Ignored(ONE_NODE)),
    ("quorum_membership_reconciliation.", Ignored(ONE_NODE)),
    (
        "quorum_queue.compute_checksums",
        Ignored("every record of the log has a checksum"),
    ),
    ("quorum_queue.", Ignored(ONE_NODE)),
    ("raft.", Ignored(ONE_NODE)),
    ("khepri_", Ignored(ONE_NODE)),
    ("metadata_store.", Ignored(ONE_NODE)),
    ("mnesia_table_loading_retry_", Ignored(ONE_NODE)),
    (
        "forced_feature_flags_on_init",
        Ignored("every feature is on"),
    ),
    (
        "deprecated_features.",
        Ignored("deprecated features work as in RabbitMQ 4.2 by default"),
    ),
    ("classic_queue.", Ignored(OWN_STORE)),
    ("queue_index_", Ignored(OWN_STORE)),
    ("msg_store_", Ignored(OWN_STORE)),
    ("lazy_queue_", Ignored(OWN_STORE)),
    (
        "stream.",
        Ignored("the stream protocol and its listener do not exist here"),
    ),
    (
        "vm_memory_calculation_strategy",
        Ignored("resident memory is counted"),
    ),
    ("vm_memory_high_watermark_paging_ratio", Ignored(OWN_STORE)),
    (
        "memory_monitor_interval",
        Ignored("memory is looked at at least once a second"),
    ),
    (
        "disk_monitor_",
        Ignored("the disk is looked at at least once a second"),
    ),
    (
        "total_memory_available_override_value",
        Ignored("use vm_memory_high_watermark.absolute"),
    ),
    ("default_worker_pool_size", Ignored(ERLANG)),
    ("sysmon_handler.", Ignored(ERLANG)),
    ("message_store_shutdown_timeout", Ignored(OWN_STORE)),
    (
        "runtime_parameters.limits.",
        Ignored("parameters are not limited by component"),
    ),
    ("runtime.", Ignored(ERLANG)),
    ("erlang.", Ignored(ERLANG)),
    ("hibernate_after", Ignored(ERLANG)),
    ("hipe_compile", Ignored(ERLANG)),
    ("background_gc_", Ignored(ERLANG)),
    ("delegate_count", Ignored(ERLANG)),
    ("socket_writer.", Ignored(ERLANG)),
    ("credit_flow.", Ignored("flow control is by bytes here")),
    (
        "initial_frame_max",
        Ignored("frames before the tuning may have 8192 bytes"),
    ),
    (
        "reverse_dns_lookups",
        Ignored("addresses are shown as they are"),
    ),
    ("trace_vhosts.", Ignored("there is no tracer")),
    (
        "server_properties.",
        Ignored("clients are told the properties that they expect"),
    ),
    (
        "session_max_per_connection",
        Ignored("AMQP 1.0 does not exist here"),
    ),
    (
        "link_max_per_session",
        Ignored("AMQP 1.0 does not exist here"),
    ),
    ("product.", Ignored("the name is Leveret")),
    ("motd_file", Ignored("the banner is fixed")),
    (
        "message_interceptors.",
        Ignored("there are no message interceptors"),
    ),
    (
        "channel_tick_interval",
        Ignored("channels are counted as they work"),
    ),
    (
        "channel_operation_timeout",
        Ignored("operations are answered when they are durable"),
    ),
    ("channel_queue_cleanup_interval", Ignored(ERLANG)),
    (
        "vhost_restart_strategy",
        Ignored("a virtual host does not fail alone"),
    ),
    (
        "collect_statistics_interval",
        Ignored("counters are looked at once a second"),
    ),
    (
        "collect_statistics",
        Ignored("management.rates_mode does this"),
    ),
    ("auth_ldap.", Refused(NO_BACKEND)),
    ("auth_http.", Refused(NO_BACKEND)),
    ("auth_oauth2.", Refused(NO_BACKEND)),
    ("auth_cache.", Ignored(NO_BACKEND)),
    (
        "anonymous_login_pass",
        Ignored("anonymous clients need no password here"),
    ),
    (
        "definitions.tls.",
        Ignored("definitions are read from files only"),
    ),
    (
        "definitions.https.",
        Refused("definitions are read from files only"),
    ),
    (
        "default_policies.",
        Ignored("define policies through the API or definitions"),
    ),
    (
        "default_users.",
        Ignored("define users through the API or definitions"),
    ),
    (
        "management_agent.",
        Ignored("statistics are always collected"),
    ),
    (
        "management.disable_stats",
        Ignored("statistics are always collected"),
    ),
    ("management.sample_retention_policies.", Ignored(SAMPLES)),
    (
        "management.http_log_dir",
        Ignored("requests to the API are not logged"),
    ),
    ("management.tcp.idle_timeout", Ignored(HTTP_SILENCE)),
    ("management.tcp.inactivity_timeout", Ignored(HTTP_SILENCE)),
    ("management.tcp.request_timeout", Ignored(HTTP_SILENCE)),
    ("management.tcp.shutdown_timeout", Ignored(HTTP_SILENCE)),
    ("management.tcp.max_keepalive", Ignored(HTTP_SILENCE)),
    (
        "management.tcp.compress",
        Ignored("answers are compressed for clients that ask for it"),
    ),
    (
        "management.tcp.max_connections",
        Ignored("512 HTTP connections may be open at the same time"),
    ),
    ("management.tcp.", Ignored(SOCKETS)),
    ("management.ssl.idle_timeout", Ignored(HTTP_SILENCE)),
    ("management.ssl.inactivity_timeout", Ignored(HTTP_SILENCE)),
    ("management.ssl.request_timeout", Ignored(HTTP_SILENCE)),
    ("management.ssl.shutdown_timeout", Ignored(HTTP_SILENCE)),
    ("management.ssl.max_keepalive", Ignored(HTTP_SILENCE)),
    (
        "management.ssl.compress",
        Ignored("answers are compressed for clients that ask for it"),
    ),
    (
        "management.ssl.max_connections",
        Ignored("512 HTTP connections may be open at the same time"),
    ),
    (
        "management.ssl.password",
        Refused("the key of the management API must not be encrypted"),
    ),
    ("management.ssl.backlog", Ignored(SOCKETS)),
    (
        "management.ssl.",
        Ignored("as for ssl_options: only safe choices exist"),
    ),
    (
        "management.listener.",
        Ignored("use management.tcp.* and management.ssl.*"),
    ),
    (
        "management.login_session_timeout",
        Ignored("the dashboard keeps no session"),
    ),
    (
        "management.db_cache_multiplier",
        Ignored("answers are made anew each time"),
    ),
    (
        "management.require_auth_for_api_desc_page",
        Ignored("the description is public"),
    ),
    (
        "management.require_auth_for_api_reference",
        Ignored("the description is public"),
    ),
    (
        "management.disable_basic_auth",
        Refused("there is no other way to log in"),
    ),
    (
        "management.enable_queue_totals",
        Ignored("statistics are always collected"),
    ),
    ("management.delegate_count", Ignored(ERLANG)),
    (
        "management.http.max_body_size",
        Ignored("bodies may have 20000000 bytes"),
    ),
    ("management.oauth_", Refused(NO_BACKEND)),
    ("management.", Ignored("it has no counterpart here")),
    ("prometheus.tcp.", Ignored(SOCKETS)),
    (
        "prometheus.ssl.",
        Refused("metrics are served without TLS only"),
    ),
    (
        "prometheus.authentication.",
        Refused("metrics are served to everybody who can reach the port"),
    ),
    ("prometheus.path", Refused("metrics are at /metrics")),
    (
        "prometheus.return_per_object_metrics",
        Ignored("ask for /metrics/per-object"),
    ),
    ("prometheus.", Ignored("it has no counterpart here")),
    (
        "log.exchange",
        Ignored("there is no amq.rabbitmq.log; GET /api/leveret/log has the last lines"),
    ),
    ("log.exchange.", Ignored("there is no amq.rabbitmq.log")),
    ("log.syslog", Ignored("standard error and files only")),
    ("log.syslog.", Ignored("standard error and files only")),
    (
        "log.journald",
        Ignored("journald takes what is on standard error"),
    ),
    (
        "log.journald.",
        Ignored("journald takes what is on standard error"),
    ),
    ("log.console.stdio", Ignored("lines go to standard error")),
    (
        "log.file.rotation.compress",
        Ignored("files that are put aside stay as they are"),
    ),
    ("log.console.", Ignored("the form of lines is fixed")),
    ("log.file.", Ignored("the form of lines is fixed")),
    ("log.connection.", Ignored(CATEGORIES)),
    ("log.channel.", Ignored(CATEGORIES)),
    ("log.queue.", Ignored(CATEGORIES)),
    ("log.default.", Ignored(CATEGORIES)),
    ("log.mirroring.", Ignored(CATEGORIES)),
    ("log.federation.", Ignored(CATEGORIES)),
    ("log.upgrade.", Ignored(CATEGORIES)),
    ("log.ra.", Ignored(CATEGORIES)),
    ("log.shovel.", Ignored(CATEGORIES)),
    ("log.prelaunch.", Ignored(CATEGORIES)),
    ("log.error_logger_", Ignored(ERLANG)),
    ("log.prefer_utc", Ignored("times are UTC")),
    ("amqp_client.", Ignored(NO_PLUGIN)),
    ("mqtt.", Ignored(NO_PLUGIN)),
    ("web_mqtt.", Ignored(NO_PLUGIN)),
    ("stomp.", Ignored(NO_PLUGIN)),
    ("web_stomp.", Ignored(NO_PLUGIN)),
    ("shovel.", Ignored(NO_PLUGIN)),
    ("federation.", Ignored(NO_PLUGIN)),
    ("amqp1_0.", Ignored(NO_PLUGIN)),
    ("delayed_queue.", Ignored(NO_PLUGIN)),
    (
        "trust_store.",
        Refused("client certificates are checked against ssl_options.cacertfile"),
    ),
];

/// What becomes of `key`, if RabbitMQ knows it and Leveret does not.
pub(crate) fn unsupported(key: &str) -> Option<Unsupported> {
    let fits = |known: &str| match known.strip_suffix(['.', '_']) {
        Some(_) => key.starts_with(known),
        None => key == known,
    };
    KEYS.iter()
        .find(|(known, _)| fits(known))
        .map(|(_, what)| *what)
}
