/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of parts: started from top to bottom, stopped from bottom to top.
 */

#include "hook/hook.h"
#include "main/directory.h"
#include "main/leftovers.h"
#include "main/past.h"
#include "main/server.h"
#include "route/index.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "main/transports.h"
#include "service/service.h"

enum { WHY_BYTES = 160 };

/* No timer of signalling is so exact, and on a busy server the next message comes sooner. */
enum { TIMER_SLACK_MS = 10 };

struct part {
	const char *name;
	int (*start)(struct server *s);
	void (*stop)(struct server *s);
};

/* ---- base ---- */

static int start_base(struct server *s)
{
	int err = loop_alloc(&s->loop, clock_real());

	if (err)
		return err;
	loop_slack(s->loop, TIMER_SLACK_MS);
	s->env = (struct env){
		.clock = clock_real(), .wheel = loop_wheel(s->loop), .rng = rng_system()};
	/* A boot is named by its time: unique on a node, and later boots are greater. */
	s->boot = (uint64_t)clock_wall_us(s->env.clock);
	return bus_alloc(&s->bus);
}

static void stop_base(struct server *s)
{
	s->bus = bus_free(s->bus);
	s->loop = loop_free(s->loop);
}

/* ---- store and journal ---- */

/* SYS-2: whoever reads the log or the data folder may make the first administrator; nobody else can. */
static int ready_setup(struct server *s)
{
	char path[600];
	bool is_there = false;
	int fd, err = store_has_now(s->store, &resource_admin, &is_there);
	size_t n;

	snprintf(path, sizeof(path), "%s/setup.token", s->config.data_dir);
	unlink(path);
	if (err || is_there)
		return err;
	snprintf(s->setup_token, sizeof(s->setup_token), "su_");
	rng_token(rng_system(), s->setup_token + 3, sizeof(s->setup_token) - 4);
	n = strlen(s->setup_token);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if (write(fd, s->setup_token, n) != (ssize_t)n)
		err = EIO;
	close(fd);
	if (!err)
		log_warn(NULL, LOGID_START,
			 "no administrator yet: make one with POST /api/setup and the token %s",
			 s->setup_token);
	return err;
}

static int start_store(struct server *s)
{
	const struct store_conf conf = {.url = s->config.database,
					.data_dir = s->config.data_dir,
					.own = s->config.address,
					.nown = s->config.naddresses,
					.sip_port = s->config.sip_port,
					.tls_port = s->config.has_tls_port
							    ? s->config.tls_port
							    : (uint16_t)(s->config.sip_port + 1),
					.node = s->config.node,
					.news = s->backups};
	int err = store_open(&s->store, &conf);

	if (!err)
		err = transports_seed(s);
	if (!err && s->config.is_demo)
		err = demo_seed(s);
	return err ? err : ready_setup(s);
}

static void stop_store(struct server *s)
{
	s->store = store_close(s->store);
}

static int keep_record(struct record_sink *sink, enum record_kind kind, const void *rec, size_t n)
{
	struct record_keeper *k = CONTAINER_OF(sink, struct record_keeper, sink);
	struct server *s = CONTAINER_OF(k, struct server, records);
	int err = journal_write(k->journal, kind, rec, n);

	if (!err && kind == RECORD_CALL && ((const struct call_record *)rec)->ended_at && s->api)
		api_call_ended(s->api, rec);
	return err;
}

static int start_journal(struct server *s)
{
	char path[600];
	const struct journal_conf conf = {.path = path, .node = s->config.node};

	snprintf(path, sizeof(path), "%s/journal", s->config.data_dir);
	s->records.sink.write = keep_record;
	if (journal_open(&s->journal, &conf, s->store))
		return EIO;
	s->records.journal = s->journal;
	return 0;
}

static void stop_journal(struct server *s)
{
	s->journal = journal_close(s->journal);
}

/* ---- model ---- */

static int load_object(struct store_change *c, void *arg)
{
	struct server *s = arg;
	struct model_change change = {c->tenant_id, c->revision, c->res, c->id, c->after};
	int err = model_load(s->model, &change);

	c->after = change.after;
	return err;
}

static int start_model(struct server *s)
{
	int err = model_alloc(&s->model);

	if (!err)
		err = route_index_alloc(&s->route_index, s->model);
	if (!err)
		err = happenings_watch(s);
	return err ? err : store_load(s->store, load_object, s);
}

static void stop_model(struct server *s)
{
	s->model = model_free(s->model);
	free(s->wanted);
	s->wanted = NULL;
	s->nwanted = 0;
	s->route_index = route_index_free(s->route_index);
}

/* ---- network and SIP ---- */

static void pass_received(struct flow_sink *sink, const struct flow *from, const uint8_t *p,
			  size_t n)
{
	struct sink_forward *f = CONTAINER_OF(sink, struct sink_forward, sink);

	if (f->to)
		f->to->received(f->to, from, p, n);
}

static void pass_waited(struct flow_sink *sink, uint64_t us)
{
	struct sink_forward *f = CONTAINER_OF(sink, struct sink_forward, sink);

	if (f->to)
		f->to->waited(f->to, us);
}

static void pass_failed(struct flow_sink *sink, const struct flow *to, int err)
{
	struct sink_forward *f = CONTAINER_OF(sink, struct sink_forward, sink);

	if (f->to)
		f->to->failed(f->to, to, err);
}

static void pass_closed(struct flow_sink *sink, oid conn)
{
	struct sink_forward *f = CONTAINER_OF(sink, struct sink_forward, sink);

	if (f->to)
		f->to->closed(f->to, conn);
}

static int start_net(struct server *s)
{
	s->sink.sink = (struct flow_sink){pass_received, pass_waited, pass_failed, pass_closed};
	const struct net_conf conf = {
		.loop = s->loop, .sink = &s->sink.sink, .ws_origins = s->config.ws_origins};

	int err = net_open(&s->net, &conf);

	return err ? err : network_start(s);
}

static void stop_net(struct server *s)
{
	s->net = net_close(s->net);
}

static int start_sip(struct server *s)
{
	const struct sip_conf conf = {
		.env = s->env,
		.edge = net_edge(s->net),
		.product = "Offhook/" OFFHOOK_VERSION,
		.node = s->config.node,
		.boot = s->boot,
	};
	int err = sip_alloc(&s->sip, &conf);

	if (!err)
		s->sink.to = sip_sink(s->sip);
	return err;
}

static void stop_sip(struct server *s)
{
	s->sink.to = NULL;
	s->sip = sip_free(s->sip);
}

/* ---- telephony ---- */

static void restore_contact(const struct contact_record *c, void *arg)
{
	struct server *s = arg;
	int err = 0;

	if (c->tenant_id)
		err = registrar_restore(s->registrar, c);
	else
		trunks_restore(s->trunks, c);
	if (err)
		log_info(NULL, LOGID_REGISTERED, "contact %s not restored: %s", c->uri,
			 strerror(err));
}

static void restore_block(const struct block_record *b, void *arg)
{
	struct server *s = arg;
	int err = registrar_restore_block(s->registrar, b);

	if (err)
		log_info(NULL, LOGID_BLOCKED, "%s is not blocked any more: %s", b->address,
			 strerror(err));
}

static void restore_leg(const struct kept_head *leg, void *arg)
{
	struct server *s = arg;
	int err = calls_restore_leg(s->calls, leg);

	if (err)
		log_warn(NULL, LOGID_CALL, "an interrupted leg could not be ended: %s",
			 strerror(err));
}

static void restore_message(const struct message_record *m, void *arg)
{
	struct server *s = arg;
	int err = presence_restore_message(s->presence, m);

	if (err)
		log_info(&(struct log_ctx){.tenant = m->tenant_id}, LOGID_MESSAGE,
			 "a message that waits is not sent: %s", strerror(err));
}

static int start_registrar(struct server *s)
{
	const struct registrar_conf conf = {
		.env = s->env,
		.sip = s->sip,
		.model = s->model,
		.records = &s->records.sink,
		.system_realm = "offhook",
		.bus = s->bus,
	};

	return registrar_alloc(&s->registrar, &conf);
}

static void stop_registrar(struct server *s)
{
	s->registrar = registrar_free(s->registrar);
}

static int start_trunks(struct server *s)
{
	const struct trunks_conf conf = {
		.env = s->env,
		.sip = s->sip,
		.edge = net_edge(s->net),
		.locator = net_locator(s->net),
		.model = s->model,
		.registrar = s->registrar,
		.records = &s->records.sink,
		.bus = s->bus,
	};

	return trunks_alloc(&s->trunks, &conf);
}

static void stop_trunks(struct server *s)
{
	s->trunks = trunks_free(s->trunks);
}

static void pass_media_event(const struct media_event *ev, void *arg)
{
	struct server *s = arg;

	if (s->calls)
		calls_media_event(ev, s->calls);
}

/* As many as the ports' range and the limit of descriptors bear, with room left for what is in use. */
static unsigned spare_sockets(const struct server *s)
{
	struct rlimit files = {.rlim_cur = 0};
	unsigned pairs = (s->config.rtp_max - s->config.rtp_min + 1u) / 2;
	rlim_t most;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return 0;
	most = files.rlim_cur / 8; /* a quarter of them, two to a pair */
	return most < pairs / 2 ? (unsigned)most : pairs / 2;
}

static int start_media(struct server *s)
{
	const struct media_conf conf = {
		.nthreads = s->config.media_threads,
		.fill = s->config.media_spread ? 1 : 0,
		.port_min = s->config.rtp_min,
		.port_max = s->config.rtp_max,
		.nspares = spare_sockets(s),
		.is_polled = true,
		.fn = pass_media_event,
		.arg = s,
	};

	return media_open(&s->media, &conf);
}

static void stop_media(struct server *s)
{
	s->media = media_close(s->media);
}

static void restore_spending(const struct spending_record *rec, void *arg)
{
	purses_restore(((struct server *)arg)->purses, rec);
}

static int start_purses(struct server *s)
{
	int err = purses_alloc(&s->purses, s->model, &s->records.sink);

	return err ? err : journal_restore_spendings(s->journal, restore_spending, s);
}

static void stop_purses(struct server *s)
{
	s->purses = purses_free(s->purses);
}

static void restore_storage(uint64_t tenant_id, uint64_t nbytes, void *arg)
{
	calls_storage(((struct server *)arg)->calls, tenant_id, nbytes);
}

static int ready_folder(const struct server *s, const char *name)
{
	char path[600];

	(void)snprintf(path, sizeof(path), "%s/%s", s->config.data_dir, name);
	return mkdir(path, 0750) && errno != EEXIST ? errno : 0;
}

static int start_calls(struct server *s)
{
	const struct calls_conf conf = {
		.env = s->env,
		.sip = s->sip,
		.edge = net_edge(s->net),
		.model = s->model,
		.registrar = s->registrar,
		.trunks = s->trunks,
		.route_index = s->route_index,
		.purses = s->purses,
		.writer = &s->writer,
		.media = media_engine(s->media),
		.records = &s->records.sink,
		.bus = s->bus,
		.node = s->config.node,
		.boot = s->boot,
		.folder = s->config.data_dir,
		.music = s->config.music,
		.sounds = s->config.sounds,
		.silence_ms = s->config.silence_ms,
	};
	int err = calls_alloc(&s->calls, &conf);

	leftovers_remove(s->config.data_dir);
	if (!err)
		err = ready_folder(s, "recordings");
	if (!err)
		err = journal_restore_storage(s->journal, restore_storage, s);
	return err ? err : services_register_all(s->calls);
}

static void stop_calls(struct server *s)
{
	s->calls = calls_free(s->calls);
}

static int start_presence(struct server *s)
{
	const struct presence_conf conf = {
		.env = s->env,
		.sip = s->sip,
		.edge = net_edge(s->net),
		.model = s->model,
		.registrar = s->registrar,
		.calls = s->calls,
		.records = &s->records.sink,
	};

	return presence_alloc(&s->presence, &conf);
}

static void stop_presence(struct server *s)
{
	s->presence = presence_free(s->presence);
}

/* ---- the doors are opened last ---- */

/* By these names telephones are told to find us. */
static int own_names(struct server *s, const X509 *cert)
{
	struct buf names = {0};
	int err;

	pem_names(cert, &names);
	err = names.err ? names.err : registrar_own_names(s->registrar, buf_view(&names));
	buf_free(&names);
	return err;
}

static int show_own(struct server *s, const char *cert_path, const char *key_path, char *why)
{
	struct buf chain = {0}, key = {0};
	struct pem_fault fault;
	struct pem_pair pair;
	int err = pem_file(&chain, cert_path);

	if (err)
		(void)snprintf(why, WHY_BYTES, "%.100s: %s", cert_path, strerror(err));
	if (!err && (err = pem_file(&key, key_path)) != 0)
		(void)snprintf(why, WHY_BYTES, "%.100s: %s", key_path, strerror(err));
	if (!err) {
		err = pem_pair_read(&pair, buf_view(&chain), buf_view(&key), NULL, &fault);
		if (err == EINVAL)
			(void)snprintf(why, WHY_BYTES, "%.80s: %s",
				       fault.is_key ? key_path : cert_path, fault.text);
	}
	if (!err) {
		err = net_certificate(s->net, &pair, why);
		if (!err && *s->config.tls_cert) /* one that we have made says nothing new */
			err = own_names(s, pair.cert);
		pem_pair_close(&pair);
	}
	OPENSSL_cleanse(key.p, key.n);
	buf_free(&chain);
	buf_free(&key);
	return err;
}

/* The operator's certificate, or one made for this system. */
static int ready_certificate(struct server *s)
{
	struct certificate_for whom = {.domain = s->config.is_demo ? demo_domain() : NULL,
				       .addresses = s->config.address,
				       .naddresses = s->config.naddresses};
	const char *cert = s->config.tls_cert, *key = s->config.tls_key;
	char why[WHY_BYTES] = "", dir[600];
	int err = 0;

	if (!*cert) {
		snprintf(dir, sizeof(dir), "%s/tls", s->config.data_dir);
		err = certificate_ready(&s->certificate, dir, &whom);
		cert = s->certificate.cert;
		key = s->certificate.key;
	}
	if (!err)
		err = show_own(s, cert, key, why);
	if (!err && *s->config.tls_ca)
		err = net_trust(s->net, s->config.tls_ca, why);
	if (err)
		log_error(NULL, LOGID_NET, "no certificate for TLS: %s",
			  *why ? why : strerror(err));
	return err;
}

/* Bound first, because what is restored is told with a BYE; nothing is read before the loop runs. */
static int start_listeners(struct server *s)
{
	const struct journal_restorer restorer = {
		.contact = restore_contact,
		.message = restore_message,
		.block = restore_block,
		.leg = restore_leg,
		.arg = s,
	};
	int err = ready_certificate(s);

	if (!err)
		err = transports_start(s);
	if (err)
		return err;
	if (!transports_first(s->transports, FLOW_UDP, &s->sip_bound) &&
	    !transports_first(s->transports, FLOW_TCP, &s->sip_bound))
		s->sip_bound = s->config.address[0];
	if (journal_restore(s->journal, &restorer))
		log_error(NULL, LOGID_JOURNAL, "what the last run left could not be read back");
	return 0;
}

static void stop_listeners(struct server *s)
{
	transports_stop(
		s); /* the sockets are net/'s; the calls were drained when the signal came */
}

static int start_api(struct server *s)
{
	char text[ADDR_STR_BYTES], events[PATH_MAX];
	int err = ring_alloc(&s->commands, 1024, sizeof(struct command));

	if (err)
		return err;
	snprintf(s->unix_path, sizeof(s->unix_path), "%s/offhook.sock", s->config.data_dir);
	snprintf(events, sizeof(events), "%s/events", s->config.data_dir);
	const struct api_conf conf = {
		.store = s->store,
		.commands = s->commands,
		.past = &past_maker,
		.listen = s->config.http,
		.unix_path = s->unix_path,
		.events_path = events,
		.log_file = s->config.log_file[0] ? s->config.log_file : NULL,
		.version = OFFHOOK_VERSION,
		.setup_token = s->setup_token[0] ? s->setup_token : NULL,
	};
	err = api_open(&s->api, &conf, &s->http_bound);
	if (err)
		log_error(NULL, LOGID_API, "cannot serve HTTP on %s: %s",
			  addr_str(text, &conf.listen), strerror(err));
	else
		log_info(NULL, LOGID_API, "HTTP on %s", addr_str(text, &s->http_bound));
	return err;
}

static void stop_api(struct server *s)
{
	if (s->api)
		api_stop(s->api);
}

/* What nobody will answer any more. */
static void forget_commands(struct server *s)
{
	struct command c;

	while (s->commands && ring_pop(s->commands, &c)) {
		past_close(c.past);
		free(c.activity);
	}
	s->commands = ring_free(s->commands);
}

/* Stopped after the store and the core: nobody pushes to these rings any more. */
static void stop_rings(struct server *s)
{
	directory_close(s);
	s->api = api_close(s->api);
	forget_commands(s);
	writer_stop(s);
}

static int start_hooks(struct server *s)
{
	return hooks_start(&s->hooks, s->store);
}

static void stop_hooks(struct server *s)
{
	s->hooks = hooks_stop(s->hooks);
}

static int start_demo(struct server *s)
{
	return s->config.is_demo ? demo_publish(s) : 0;
}

static const struct part parts[] = {
	{"base", start_base, stop_base},
	{"rings", writer_start, stop_rings},
	{"store", start_store, stop_store},
	{"journal", start_journal, stop_journal},
	{"model", start_model, stop_model},
	{"logging", logging_start, logging_stop},
	{"net", start_net, stop_net},
	{"sip", start_sip, stop_sip},
	{"registrar", start_registrar, stop_registrar},
	{"trunks", start_trunks, stop_trunks},
	{"media", start_media, stop_media},
	{"purses", start_purses, stop_purses},
	{"calls", start_calls, stop_calls},
	{"presence", start_presence, stop_presence},
	{"listeners", start_listeners, stop_listeners},
	{"api", start_api, stop_api},
	{"events", happenings_start, happenings_stop},
	{"ldap", directory_start, directory_stop},
	{"webhooks", start_hooks, stop_hooks},
	{"filtering", filtering_start, filtering_stop},
	{"office hours", hours_start, hours_stop},
	{"core", core_start, core_stop},
	{"demo", start_demo, demo_remove},
};

static void stop_parts(struct server *s, size_t n)
{
	while (n-- > 0)
		parts[n].stop(s);
}

int server_start(struct server *s)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		int err = parts[i].start(s);

		if (!err)
			continue;
		log_error(NULL, LOGID_START, "%s did not start: %s", parts[i].name, strerror(err));
		stop_parts(s, i + 1); /* each stop accepts what was half started */
		return err;
	}
	log_info(NULL, LOGID_START, "Offhook " OFFHOOK_VERSION " runs, node %" PRIu64,
		 s->config.node);
	return 0;
}

void server_run(struct server *s)
{
	loop_run(s->loop);
}

void server_stop(struct server *s)
{
	stop_parts(s, ARRAY_LEN(parts));
	log_info(NULL, LOGID_START, "Offhook stopped");
	log_flush();
}
