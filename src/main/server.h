/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server: every part, wired together.  Only this folder knows them all.
 *
 * Thread     core (the main thread) for everything here
 */
#ifndef MAIN_SERVER_H
#define MAIN_SERVER_H

#include "api/api.h"
#include "base/bus.h"
#include "base/loop.h"
#include "bill/purse.h"
#include "call/call.h"
#include "main/certificate.h"
#include "main/config.h"
#include "net/net.h"
#include "presence/presence.h"
#include "store/journal.h"

/* The edge needs its sink before SIP exists: it is given this one, which passes on. */
struct sink_forward {
	struct flow_sink sink; /* first */
	struct flow_sink *to;
};

struct record_keeper {
	struct record_sink sink; /* first */
	struct journal *journal;
};

struct server {
	struct config config;
	uint64_t boot;
	struct loop *loop;
	struct env env;
	struct bus *bus;
	struct store *store;
	struct journal *journal;
	struct record_keeper records;
	struct model *model;
	struct route_index *route_index;
	struct sink_forward sink;
	struct net *net;
	struct transports *transports;
	struct directory *directory;
	struct sip *sip;
	struct registrar *registrar;
	struct trunks *trunks;
	struct media *media;
	struct purses *purses; /* what extensions have spent */
	struct config_writer writer;
	struct ring *written; /* answers to it */
	struct ring *backups; /* struct store_news */
	struct calls *calls;
	struct presence *presence;
	struct ring *commands;
	struct api *api;
	struct hooks *hooks;
	struct filtering *filtering;
	struct hours *hours;
	struct wanted *wanted; /* events that webhooks want: main/events.c */
	size_t nwanted;
	struct loop_fd *watch_signals, *watch_changes, *watch_commands, *watch_media,
		*watch_backups;
	int signal_fd;
	struct timer second, stopping, media_wait, media_wake, statistics;
	uint64_t statistics_ms;		      /* 0: none are written */
	uint64_t stop_at_ms;		      /* 0: not asked to stop */
	struct addr sip_bound;		      /* the first listener */
	struct certificate_paths certificate; /* empty: the operator has given his own */
	struct addr http_bound;
	char unix_path[600];
	char setup_token[44]; /* empty: there is an administrator */
	bool is_demo_written;
	bool has_ipv6; /* network_settings */
};

/* Start every part in order; what was started is stopped again when one fails (its name and error are logged). */
int server_start(struct server *s) MUST_USE;
void server_run(struct server *s); /* until SIGTERM or SIGINT */
void server_stop(struct server *s);

/* main/core.c: what the core does between messages of others. */
/* Before any thread is started: signals are read by the core's loop. */
int core_block_signals(void) MUST_USE;
int core_start(struct server *s) MUST_USE;
void core_stop(struct server *s);

/* main/commands.c: answers to the API. */
void commands_answer(struct server *s, const struct command *c);

/* main/writer.c: what calls change.  Stopped after the store. */
int writer_start(struct server *s) MUST_USE;
void writer_stop(struct server *s);

/* As a PATCH by `actor` would; nobody waits for the answer.  ENOBUFS, ENOMEM */
int writer_change(struct server *s, const char *actor, const struct object *what,
		  const char *json) MUST_USE;

/* main/hours.c: whose status follows office hours.  After the model and the store. */
int hours_start(struct server *s) MUST_USE;
void hours_stop(struct server *s);

/* main/network.c: network_settings, obeyed as they change.  After the model and net/. */
int network_start(struct server *s) MUST_USE;

/* main/logging.c: what sip_settings say of the log.  After the model. */
int logging_start(struct server *s) MUST_USE;
void logging_stop(struct server *s);

/* main/filtering.c: who is not heard, offered to the packet filter of the kernel. */
int filtering_start(struct server *s) MUST_USE;
void filtering_stop(struct server *s);

/* main/events.c: what the bus tells, to who watches and into the journal. */
int happenings_watch(struct server *s) MUST_USE; /* before the model is loaded */
int happenings_start(struct server *s) MUST_USE;
void happenings_stop(struct server *s);
/* WEB-4: of the whole system; each text may be "". */
void happened(struct server *s, enum bus_kind kind, const char *what, const char *address,
	      const char *reason);

/* main/demo.c: the ready tenant.  demo_seed before the model is loaded, demo_publish when every listener is bound. */
const char *demo_domain(void);
int demo_seed(struct server *s) MUST_USE;
int demo_publish(struct server *s) MUST_USE;
void demo_remove(struct server *s);

#endif
