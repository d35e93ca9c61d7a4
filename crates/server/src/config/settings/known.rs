//! Every key of RabbitMQ's schemas is either a setting or has a reason why it is none.

use super::{find, unsupported};

/// Keys of the schemas of RabbitMQ 4, of the broker and of what comes with it; one stands for
/// those that differ in a name or a number only.
const KEYS: &str = "\
    listeners.tcp listeners.tcp.default listeners.ssl listeners.ssl.default num_acceptors.ssl \
    num_acceptors.tcp socket_writer.gc_threshold handshake_timeout reverse_dns_lookups erlang.K \
    load_definitions definitions.local.path definitions.import_backend \
    definitions.skip_if_unchanged definitions.hashing.algorithm definitions.https.url \
    definitions.tls.verify loopback_users loopback_users.guest ssl_allow_poodle_attack \
    ssl_options ssl_options.verify ssl_options.fail_if_no_peer_cert ssl_options.cacertfile \
    ssl_options.certfile ssl_options.cacerts.1 ssl_options.cert ssl_options.client_renegotiation \
    ssl_options.crl_check ssl_options.depth ssl_options.dh ssl_options.dhfile \
    ssl_options.honor_cipher_order ssl_options.honor_ecc_order ssl_options.key.RSAPrivateKey \
    ssl_options.keyfile ssl_options.log_level ssl_options.log_alert ssl_options.password \
    ssl_options.psk_identity ssl_options.reuse_sessions ssl_options.secure_renegotiate \
    ssl_options.versions.1 ssl_options.ciphers.1 ssl_options.bypass_pem_cache \
    metadata_store.khepri.default_timeout auth_mechanisms.1 auth_backends.1 \
    auth_backends.1.authn auth_backends.1.authz ssl_cert_login_from ssl_cert_login_san_type \
    ssl_cert_login_san_index ssl_handshake_timeout cluster_name default_worker_pool_size \
    password_hashing_module credential_validator.validation_backend \
    credential_validator.min_length credential_validator.regexp default_vhost default_user \
    default_pass default_permissions.configure default_permissions.read \
    default_permissions.write default_users.a.tags default_policies.operator.a.expires \
    default_limits.vhosts.1.pattern default_limits.vhosts.1.max_connections \
    default_limits.vhosts.1.max_queues default_user_tags.administrator heartbeat frame_max \
    initial_frame_max channel_max channel_max_per_node consumer_max_per_channel connection_max \
    ranch_connection_max vhost_max max_message_size tcp_listen_options \
    tcp_listen_options.backlog tcp_listen_options.linger.on vm_memory_high_watermark.relative \
    vm_memory_high_watermark.absolute vm_memory_high_watermark_paging_ratio \
    memory_monitor_interval vm_memory_calculation_strategy total_memory_available_override_value \
    disk_free_limit.relative disk_free_limit.absolute cluster_partition_handling \
    cluster_partition_handling.pause_if_all_down.recover delegate_count \
    mirroring_sync_batch_size mirroring_sync_max_throughput \
    cluster_formation.peer_discovery_backend cluster_formation.target_cluster_size_hint \
    cluster_queue_limit cluster_exchange_limit cluster_keepalive_interval queue_master_locator \
    queue_leader_locator collect_statistics collect_statistics_interval hipe_compile \
    mnesia_table_loading_retry_timeout mnesia_table_loading_retry_limit \
    message_store_shutdown_timeout queue_index_embed_msgs_below background_gc_enabled \
    background_gc_target_interval proxy_protocol vhost_restart_strategy consumer_timeout \
    product.name product.version motd_file log.dir log.console log.console.level \
    log.console.stdio log.console.use_colors log.console.color_esc_seqs.debug \
    log.console.formatter log.console.formatter.time_format log.exchange log.exchange.level \
    log.exchange.formatter log.journald log.journald.fields log.syslog log.syslog.level \
    log.syslog.ssl_options.verify log.file log.file.level log.file.rotation.date \
    log.file.rotation.compress log.file.rotation.size log.file.rotation.count log.file.formatter \
    log.file.formatter.single_line log.connection.level log.connection.file \
    log.connection.rotation.size log.channel.file log.mirroring.level log.queue.rotation.date \
    log.federation.file log.upgrade.level log.upgrade.file log.ra.level log.ra.file \
    log.default.level log.default.rotation.date deprecated_features.permit.a net_ticktime \
    distribution.listener.interface sysmon_handler.triggers.port raft.wal_max_size_bytes \
    raft.adaptive_failure_detector.poll_interval default_queue_type \
    classic_queue.default_version quorum_queue.compute_checksums \
    quorum_queue.property_equivalence.relaxed_checks_on_redeclaration \
    quorum_queue.continuous_membership_reconciliation.enabled \
    runtime_parameters.limits.federation \
    message_interceptors.incoming.set_header_timestamp.overwrite amqp1_0.default_user \
    amqp_client.ssl_options.verify management.load_definitions management.http_log_dir \
    management.http.max_body_size management.delegate_count management.tcp.port \
    management.tcp.ip management.tcp.max_connections management.tcp.compress \
    management.tcp.idle_timeout management.tcp.inactivity_timeout management.tcp.request_timeout \
    management.tcp.shutdown_timeout management.tcp.max_keepalive management.ssl.port \
    management.ssl.backlog management.ssl.ip management.ssl.max_connections \
    management.ssl.certfile management.ssl.keyfile management.ssl.cacertfile \
    management.ssl.password management.ssl.verify management.ssl.fail_if_no_peer_cert \
    management.ssl.honor_cipher_order management.ssl.versions.1 management.ssl.ciphers.1 \
    management.ssl.compress management.ssl.idle_timeout management.listener.port \
    management.listener.ssl_opts.cacertfile management.path_prefix \
    management.login_session_timeout management.db_cache_multiplier \
    management.cors.allow_origins management.cors.allow_origins.1 management.cors.max_age \
    management.csp.policy management.hsts.policy management.headers.content_type_options \
    management.headers.xss_protection management.headers.frame_options \
    management.disable_basic_auth management.disable_stats management.enable_queue_totals \
    management.oauth_enabled management.oauth_client_id management.oauth_resource_servers.a.id \
    management.rates_mode management.sample_retention_policies.global.minute \
    management.restrictions.operator_policy_changes.disabled \
    management.restrictions.quorum_queue_replica_operations.disabled \
    management.require_auth_for_api_reference management_agent.disable_metrics_collector \
    management_agent.filter_aggregated_queue_metrics_pattern prometheus.tcp.port \
    prometheus.tcp.ip prometheus.tcp.compress prometheus.tcp.idle_timeout prometheus.ssl.port \
    prometheus.ssl.certfile prometheus.path prometheus.return_per_object_metrics \
    stream.listeners.tcp.1 mqtt.listeners.tcp.1 stomp.listeners.tcp.1 web_mqtt.tcp.port \
    web_stomp.tcp.port auth_ldap.servers.1 auth_http.user_path auth_oauth2.resource_server_id \
    auth_cache.cache_ttl trust_store.directory";

#[test]
fn every_key_of_rabbitmq_is_a_setting_or_has_a_reason() {
    let unknown = |key: &&str| find(key).is_none() && unsupported(key).is_none();
    let unknown: Vec<&str> = KEYS.split_whitespace().filter(unknown).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
