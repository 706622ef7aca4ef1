/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The handlers of the route table, one for each operation.  Each ends its ask, now or when the answer it waits for comes.
 *
 * Thread     web
 */
#ifndef API_STARTS_H
#define API_STARTS_H

#include "api/route.h"

/* crud.c */
route_start_h list_start, create_start, get_start, update_start, delete_start, export_start,
	import_start, changes_start, extension_rights_start;
/* login.c */
route_start_h login_start, logout_start, me_start;
/* branding.c */
route_start_h branding_start, branding_logo_start;
/* live.c */
route_start_h network_overview_start;
/* setup.c */
route_start_h setup_start, setup_state_start;
/* live.c */
route_start_h registrations_start, sessions_start, session_start, session_hangup_start,
	blocked_addresses_start, blocked_address_free_start, trunk_states_start,
	transport_states_start, route_simulation_start, call_start, status_start;
route_start_h balances_start, hold_start, unhold_start, refer_start, attended_refer_start,
	extension_sessions_start, system_extensions_start;
/* records.c */
route_start_h members_start, member_changes_start, weak_secrets_start, cdrs_start, cdr_export_start, cdr_changes_start,
	call_statistics_start, cdr_start, messages_start, audit_logs_start, event_logs_start,
	recordings_start, recording_start, recording_content_start, recording_delete_start,
	storage_start, deliveries_start, mail_deliveries_start, call_reports_start,
	call_report_content_start, audit_log_start, audit_export_start, event_export_start,
	undo_start, restore_start;
/* outgoing.c */
route_start_h shown_password_start, sign_in_code_start, replay_start, mail_replay_start,
	mail_delivery_start, mail_test_start, welcome_mail_start, mail_defaults_start,
	call_report_create_start, call_report_start, call_report_delete_start;
/* logs.c */
route_start_h log_files_start, log_file_content_start;
/* system.c */
route_start_h parts_start, info_start, trunk_presets_start, time_zones_start, metrics_start,
	healthz_start, readyz_start, openapi_start, docs_start;

/* backups.c */
route_start_h backups_start, backup_start, backup_delete_start, backup_create_start,
	backup_restore_start, backup_content_start, backup_upload_start, backup_upload_more_start,
	backup_uploaded_start, backup_upload_state_start, backup_upload_delete_start;

/* stream.c */
route_start_h events_start;

#endif
