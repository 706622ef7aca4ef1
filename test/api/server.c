/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The REST interface with the real store, and in place of the call manager a stand-in that holds made-up live tables: so that
 * every operation, hanging up calls included, can be tried against every tenant without a phone.
 *
 *   test_api_server DATA_DIR DATABASE_URL ADDRESS [deaf | TOKEN]
 *
 * For each tenant that appears: two calls in progress, one registration, and the records of one ended call.  deaf: the
 * stand-in answers no command, as a hung call manager.  Prints "ready PORT".  Ends on SIGTERM.
 */
#include "api/api.h"
#include "base/bus.h"
#include "base/thread.h"
#include "hook/hook.h"
#include "schema/record.h"
#include "store/journal.h"
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_SESSIONS = 1000 };

/* The stand-in decides nothing, so it needs no configuration of the past. */
static int open_past(void **pastp)
{
	*pastp = malloc(1);
	return *pastp ? 0 : ENOMEM;
}

static int load_past(struct store_change *change, void *past)
{
	return 0;
}

static const struct store_past no_past = {open_past, load_past, free};

struct fake {
	struct store *store;
	struct journal *journal;
	struct ring *commands;
	struct thread *thread;
	_Atomic bool stop;
	bool is_deaf;
	const char *setup_token;
	char log_file[600]; /* one that has something in it */
	struct api *api;
	unsigned unblocked; /* so many were */
	struct {
		uint64_t tenant_id;
		bool gone;
	} sessions[MAX_SESSIONS]; /* id: index + 1 */
	size_t nsessions;
	const char *dir;
	_Atomic uint64_t nrecordings;
};

static void write_call(struct fake *f, uint64_t tenant_id, uint64_t id)
{
	struct call_record call = {.tenant_id = tenant_id,
				   .id = id,
				   .caller = "101",
				   .callee = "102",
				   .direction = "internal",
				   .status = "answered",
				   .outbound_caller_id = "442070000101",
				   .started_at = 1763640000000000,
				   .answered_at = 1763640005000000,
				   .ended_at = 1763640065000000,
				   .sip_code = 200,
				   .ended_by = "caller"};
	struct leg_record leg = {.tenant_id = tenant_id,
				 .id = id + 1,
				 .call_id = id,
				 .side = "caller",
				 .ended_at = 1763640065000000,
				 .number = "101"};
	struct leg_record other = {.tenant_id = tenant_id,
				   .id = id + 2,
				   .call_id = id,
				   .position = 1,
				   .side = "callee",
				   .ended_at = 1763640065000000,
				   .number = "102"};
	struct segment_record joined = {.tenant_id = tenant_id,
					.id = id + 3,
					.call_id = id,
					.leg_a = id + 1,
					.leg_b = id + 2,
					.ended_at = 1763640065000000};

	BUG(journal_write(f->journal, RECORD_CALL, &call, sizeof(call)));
	BUG(journal_write(f->journal, RECORD_LEG, &leg, sizeof(leg)));
	BUG(journal_write(f->journal, RECORD_LEG, &other, sizeof(other)));
	BUG(journal_write(f->journal, RECORD_SEGMENT, &joined, sizeof(joined)));
}

/* A recorded call, with its file. */
static void write_recording(struct fake *f, uint64_t tenant_id)
{
	struct recording_record rec = {.tenant_id = tenant_id,
				       .id = 1000000 + ++f->nrecordings,
				       .call_id = 1,
				       .part = 1,
				       .caller = "101",
				       .callee = "102",
				       .final_dest = "102",
				       .direction = "internal",
				       .started_at = 1763640005000000,
				       .ended_at = 1763640065000000,
				       .format = "wav",
				       .tracks = 2,
				       .milliseconds = 60000,
				       .bytes = 956};
	char path[1024];
	int fd;

	snprintf(path, sizeof(path), "%s/recordings", f->dir);
	BUG(mkdir(path, 0750) && errno != EEXIST);
	snprintf(path, sizeof(path), "%s/recordings/%" PRIu64, f->dir, tenant_id);
	BUG(mkdir(path, 0750) && errno != EEXIST);
	snprintf(path, sizeof(path), "%s/recordings/%" PRIu64 "/%" PRIu64 ".wav", f->dir, tenant_id,
		 rec.id);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	BUG(fd < 0);
	for (size_t i = 0; i < 1000; i++)
		BUG(write(fd, &(char){(char)i}, 1) != 1);
	close(fd);
	BUG(journal_write(f->journal, RECORD_RECORDING, &rec, sizeof(rec)));
}

static void add_tenant(struct fake *f, uint64_t tenant_id)
{
	for (size_t i = 0; i < f->nsessions; i++)
		if (f->sessions[i].tenant_id == tenant_id)
			return;
	if (f->nsessions + 2 > MAX_SESSIONS)
		return;
	f->sessions[f->nsessions++].tenant_id = tenant_id;
	f->sessions[f->nsessions++].tenant_id = tenant_id;
	write_call(f, tenant_id, f->nsessions * 1000);
}

static void apply(struct fake *f)
{
	struct store_change c;

	while (ring_pop(store_changes(f->store), &c)) {
		if (c.res && !strcmp(c.res->name, "tenant") && c.after)
			add_tenant(f, c.id);
		object_free(c.after);
		store_applied(f->store, c.token);
	}
}

static char *session_json(const struct fake *f, size_t i)
{
	struct call_record call = {.tenant_id = f->sessions[i].tenant_id,
				   .id = i + 1,
				   .caller = "101",
				   .callee = "102",
				   .status = "in_progress",
				   .started_at = 1763640000000000};
	json_t *j = record_to_json(&record_tables[RECORD_CALL], &call);
	char *text;

	json_object_set_new(j, "cdr_id", json_string("9"));
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text;
}

static bool is_seen(const struct fake *f, const struct command *c, size_t i)
{
	return i < f->nsessions && !f->sessions[i].gone && !c->seen_by &&
	       (!c->tenant_id || f->sessions[i].tenant_id == c->tenant_id);
}

static void sessions(const struct fake *f, const struct command *c, struct buf *out)
{
	uint32_t n = 0;
	size_t last = 0;

	buf_cstr(out, "{\"items\":[");
	for (size_t i = c->after; i < f->nsessions; i++) {
		if (!is_seen(f, c, i))
			continue;
		if (n == c->limit) {
			buf_printf(out, "],\"next\":\"%zu\"}", last + 1);
			return;
		}
		char *text = session_json(f, i);

		buf_printf(out, "%s%s", n++ ? "," : "", text);
		free(text);
		last = i;
	}
	buf_cstr(out, "],\"next\":null}");
}

static void registrations(const struct fake *f, const struct command *c, struct buf *out)
{
	uint32_t n = 0;

	buf_cstr(out, "{\"items\":[");
	for (size_t i = c->after; i < f->nsessions && n < c->limit; i += 2)
		if (!c->tenant_id || f->sessions[i].tenant_id == c->tenant_id)
			buf_printf(out,
				   "%s{\"id\":\"%zu\",\"tenant_id\":\"%" PRIu64
				   "\",\"account_id\":\"1\",\"contact\":\"sip:101@192.0.2.7\","
				   "\"remote\":\"192.0.2.7:5060\",\"transport\":\"udp\",\"user_"
				   "agent\":\"phone\\u001b[31m\\u009b31m\","
				   "\"registered_at\":\"2026-11-20T15:00:00.000Z\",\"expires_at\":"
				   "\"2026-11-20T16:00:00.000Z\"}",
				   n++ ? "," : "", i + 1, f->sessions[i].tenant_id);
	buf_cstr(out, "],\"next\":null}");
}

/* Whoever asks. */
static void always_so(const struct command *c, struct buf *out)
{
	switch (c->kind) {
	case COMMAND_BALANCES:
		buf_cstr(out,
			 "{\"items\":[{\"id\":\"7\",\"number\":\"101\",\"credit\":10,\"balance\":9,"
			 "\"spent_today\":1}],\"next\":null}");
		return;
	case COMMAND_TRUNK_STATES:
		buf_cstr(out, "{\"items\":[{\"id\":\"1\",\"name\":\"Provider\",\"is_online\":true,"
			      "\"reason\":\"200 OK\",\"since\":\"2026-11-20T15:00:00.000Z\","
			      "\"registered_until\":null,\"calls\":0}],\"next\":null}");
		return;
	case COMMAND_TRANSPORT_STATES:
		buf_cstr(out, "{\"items\":[{\"id\":\"17\",\"transport_id\":\"1\",\"protocol\":"
			      "\"udp\",\"address\":"
			      "\"127.0.0.1\",\"port\":5060,\"is_active\":true,\"reason\":\"\"}],"
			      "\"next\":null}");
		return;
	case COMMAND_STATUS:
		buf_cstr(out, "{\"version\":\"test\",\"uptime_seconds\":1,\"registrations\":1,"
			      "\"calls\":2}");
		return;
	case COMMAND_SERVICES:
		buf_cstr(out, "{\"items\":[{\"name\":\"call_manager\",\"state\":\"up\","
			      "\"reason\":\"\"}]}");
		return;
	case COMMAND_NETWORK:
		buf_printf(out,
			   "{\"dns_servers\":[\"192.0.2.53:53\"],\"addresses\":[\"127.0.0.1\"],"
			   "\"public_addresses\":\"\",\"web_domain\":\"\",\"sip_domain\":%s,"
			   "\"ipv6\":true,\"transports\":[]}",
			   c->tenant_id ? "\"acme.example\"" : "null");
		return;
	case COMMAND_NUMBERS:
		buf_cstr(out, "{\"items\":[{\"number\":\"600\",\"kind\":\"ring_group\",\"id\":"
			      "\"1\",\"name\":\"all\",\"state\":\"active\"}]}");
		return;
	default:
		return;
	}
}

/* Only 101 has a call; 109 has several. */
static int steer(const struct command *c, struct buf *out)
{
	if (!strcmp(c->caller, "109"))
		return ENOTUNIQ;
	if (strcmp(c->caller, "101") != 0)
		return ENODEV;
	if (c->kind == COMMAND_EXTENSION_SESSIONS)
		buf_cstr(out, "{\"items\":[{\"id\":\"7\",\"cdr_id\":\"7\",\"state\":\"talking\","
			      "\"is_held\":false,\"is_caller\":true,\"peer_number\":\"102\","
			      "\"peer_name\":\"\",\"started_at\":\"2026-11-20T15:00:00.000Z\","
			      "\"answered_at\":null,\"sip_call_id\":\"x\"}]}");
	return c->after && c->after != 7 ? ENOENT : 0;
}

static void answer(struct fake *f, const struct command *c)
{
	struct command_reply reply = {.token = c->token};
	size_t i = (size_t)c->id - 1;
	struct buf out = {0};
	char *text;

	switch (c->kind) {
	case COMMAND_REGISTRATIONS:
		registrations(f, c, &out);
		break;
	case COMMAND_SESSIONS:
		sessions(f, c, &out);
		break;
	case COMMAND_SESSION:
		reply.err = is_seen(f, c, i) ? 0 : ENOENT;
		text = reply.err ? NULL : session_json(f, i);
		buf_cstr(&out, text ? text : "");
		free(text);
		break;
	case COMMAND_CALL: /* 109 has no device, and nobody is no extension */
		reply.err = !strcmp(c->caller, "109")	   ? EHOSTUNREACH
			    : !strcmp(c->caller, "nobody") ? ENOENT
							   : 0;
		text = reply.err ? NULL : session_json(f, 0);
		buf_cstr(&out, text ? text : "");
		free(text);
		if (!reply.err)
			write_recording(f, c->tenant_id);
		break;
	case COMMAND_EXTENSION_SESSIONS:
	case COMMAND_HOLD:
	case COMMAND_UNHOLD:
	case COMMAND_REFER:
	case COMMAND_ATTENDED_REFER:
		reply.err = steer(c, &out);
		break;
	case COMMAND_SESSION_HANGUP:
		reply.err = is_seen(f, c, i) ? 0 : ENOENT;
		if (!reply.err) {
			const struct bus_event ev = {.kind = BUS_CALL_ENDED,
						     .tenant_id = f->sessions[i].tenant_id,
						     .call_id = c->id,
						     .number = "101",
						     .peer = "102",
						     .wall_us = 1763640065000000};

			f->sessions[i].gone = true;
			api_event(&ev, f->api);
			write_call(f, ev.tenant_id, c->id * 1000 + 500);
		}
		break;
	case COMMAND_ROUTE:
		free(c->past);
		buf_printf(&out,
			   "{\"caller\":\"%s\",\"number\":\"%s\",\"revision\":1,\"decisions\":[]}",
			   c->caller, c->number);
		break;
	case COMMAND_BALANCES:
	case COMMAND_TRUNK_STATES:
	case COMMAND_TRANSPORT_STATES:
	case COMMAND_STATUS:
	case COMMAND_SERVICES:
	case COMMAND_NUMBERS:
	case COMMAND_NETWORK:
		always_so(c, &out);
		break;
	case COMMAND_BLOCKED_ADDRESSES:
		buf_printf(
			&out,
			"{\"items\":[{\"id\":\"%u\",\"network\":\"192.0.2.7/32\",\"account\":\"\","
			"\"cause\":\"wrong "
			"credentials\",\"blocked_at\":\"2026-11-20T15:00:00.000Z\","
			"\"until\":\"2026-11-20T16:00:00.000Z\"}],\"next\":null}",
			f->unblocked + 1);
		break;
	case COMMAND_BLOCKED_ADDRESS_FREE: /* there is always one more */
		reply.err = c->id == f->unblocked + 1 ? 0 : ENOENT;
		f->unblocked += !reply.err;
		break;
	case COMMAND_TELL_ACTIVITY: /* nobody waits for an answer */
		BUG(c->activity && journal_write(f->journal, RECORD_ACTIVITY, c->activity,
						 sizeof(struct activity_record)));
		free(c->activity);
		return;
	case COMMAND_NKINDS:
		break;
	}
	if (out.n)
		reply.json = buf_take(&out, &reply.njson);
	else
		buf_free(&out);
	if (ring_push(c->reply_to, &reply))
		free(reply.json);
}

static void fake_core(void *arg)
{
	struct fake *f = arg;
	struct pollfd fds[2] = {{.fd = ring_fd(store_changes(f->store)), .events = POLLIN},
				{.fd = ring_fd(f->commands), .events = POLLIN}};
	struct command c;

	while (!atomic_load(&f->stop)) {
		poll(fds, 2, 100);
		ring_woken(store_changes(f->store));
		apply(f);
		ring_woken(f->commands);
		while (ring_pop(f->commands, &c))
			if (f->is_deaf)
				free(c.activity);
			else
				answer(f, &c);
	}
	apply(f);
}

static int known_tenant(struct store_change *change, void *arg)
{
	if (!strcmp(change->res->name, "tenant"))
		add_tenant(arg, change->id);
	object_free(change->after);
	change->after = NULL;
	return 0;
}

/* As the server does. */
static int seed_transports(struct store *store)
{
	static const char *const bodies[] = {"{\"protocol\":\"udp\"}", "{\"protocol\":\"tcp\"}",
					     "{\"protocol\":\"tls\"}", "{\"protocol\":\"ws\"}",
					     "{\"protocol\":\"wss\"}"};
	bool is_there = false;
	int err = store_has_now(store, &resource_transport, &is_there);

	for (size_t i = 0; !err && !is_there && i < ARRAY_LEN(bodies); i++) {
		struct field_errors errs = {.n = 0};

		err = store_create_now(store, 0, &resource_transport, bodies[i], NULL, &errs);
	}
	return err;
}

static void write_log(struct fake *f, const char *dir)
{
	FILE *file;

	snprintf(f->log_file, sizeof(f->log_file), "%s/server.log", dir);
	file = fopen(f->log_file, "we");
	if (file) {
		fputs("a line of the log\n", file);
		fclose(file);
	}
}

static int run(const char *dir, const char *url, struct addr listen, struct fake *f)
{
	struct store_conf store = {.url = url, .data_dir = dir, .node = 1};
	struct journal_conf journal = {.node = 1};
	struct api_conf conf = {.listen = listen,
				.version = "test",
				.setup_token = f->setup_token,
				.log_file = f->log_file};
	struct addr bound;
	struct api *api = NULL;
	struct hooks *hooks = NULL;
	char journal_path[512], sock[512], events[512];
	struct command left;
	int err;

	snprintf(journal_path, sizeof(journal_path), "%s/journal", dir);
	snprintf(sock, sizeof(sock), "%s/offhook.sock", dir);
	journal.path = journal_path;
	conf.unix_path = sock;
	snprintf(events, sizeof(events), "%s/events", dir);
	conf.events_path = events;
	write_log(f, dir);
	conf.past = &no_past;
	f->dir = dir;
	err = store_open(&f->store, &store);
	if (!err)
		err = journal_open(&f->journal, &journal, f->store);
	if (!err)
		err = ring_alloc(&f->commands, 1024, sizeof(struct command));
	if (!err)
		err = seed_transports(f->store);
	if (!err)
		err = store_load(f->store, known_tenant, f);
	if (!err)
		err = thread_start(&f->thread, "core", THREAD_CORE, fake_core, f);
	conf.store = f->store;
	conf.commands = f->commands;
	if (!err)
		err = api_open(&api, &conf, &bound);
	f->api = api;
	if (!err)
		err = hooks_start(&hooks, f->store);
	if (!err) {
		sigset_t set;
		int got;

		printf("ready %u\n", bound.port);
		fflush(stdout);
		sigemptyset(&set);
		sigaddset(&set, SIGTERM);
		sigwait(&set, &got);
	}
	hooks_stop(hooks);
	api_stop(api);
	atomic_store(&f->stop, true);
	f->thread = thread_join(f->thread);
	f->journal = journal_close(f->journal);
	f->store = store_close(f->store);
	api_close(api);
	while (f->commands && ring_pop(f->commands, &left)) /* it came too late */
		free(left.activity);
	f->commands = ring_free(f->commands);
	return err;
}

int main(int argc, char **argv)
{
	struct fake *f = calloc(1, sizeof(*f));
	struct addr listen = {0};
	sigset_t set;
	int err;

	if (argc < 4 || addr_parse(&listen, str_of(argv[3]), 0)) {
		fputs("test_api_server DATA_DIR DATABASE_URL ADDRESS [deaf | TOKEN]\n", stderr);
		return 2;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	f->is_deaf = argc > 4 && !strcmp(argv[4], "deaf");
	f->setup_token = argc > 4 && !f->is_deaf ? argv[4] : NULL;
	err = run(argv[1], argv[2], listen, f);
	free(f);
	if (err)
		fprintf(stderr, "test_api_server: %s\n", strerror(err));
	return err ? 1 : 0;
}
