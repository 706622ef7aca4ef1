/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ldap/ldap.h"
#include "main/directory.h"
#include "main/server.h"
#include "net/sock.h"

enum { MAX_DOORS = 2 * CONFIG_MAX_ADDRESSES, RETRY_MS = 500, LATER_MS = 5000 };

struct door {
	struct addr want;
	bool is_tls, plain_sign_in, is_wanted;
	uint32_t number; /* 0: not open */
	int fd;		 /* its listener once more: the one served is closed a little later */
	char reason[128];
};

struct directory {
	struct server *s;
	struct ldap *ldap;
	struct door doors[MAX_DOORS];
	size_t n;
	uint32_t last_number;
	unsigned tries;
	struct timer retry;
};

static const char *name_of(const struct door *d)
{
	return d->is_tls ? "LDAPS" : "LDAP";
}

/* ---- what is wanted ---- */

static void want_door(struct directory *dir, struct addr a, int64_t port, bool is_tls, bool plain)
{
	struct door *d;

	if (!port || (a.family == 6 && !dir->s->has_ipv6))
		return;
	a.port = (uint16_t)port;
	for (size_t i = 0; i < dir->n; i++) {
		d = &dir->doors[i];
		if (addr_eq(&d->want, &a) && d->is_tls == is_tls && d->plain_sign_in == plain) {
			d->is_wanted = true;
			return;
		}
	}
	if (dir->n < MAX_DOORS)
		dir->doors[dir->n++] = (struct door){
			.want = a, .is_tls = is_tls, .plain_sign_in = plain, .is_wanted = true};
}

static void want_server(const struct model *m, const struct resource *res, uint64_t tenant_id,
			uint64_t id, void *arg)
{
	const struct ldap_server *l =
		(const struct ldap_server *)model_object(m, res, tenant_id, id);
	struct directory *dir = arg;
	const struct config *c = &dir->s->config;
	struct addr own;
	const bool has_own = *l->address && !addr_parse(&own, str_of(l->address), 0);

	for (size_t i = 0; l->enabled && i < (has_own ? 1 : c->naddresses); i++) {
		const struct addr *a = has_own ? &own : &c->address[i];

		want_door(dir, *a, l->port, false, l->plain_sign_in);
		want_door(dir, *a, l->tls_port, true, l->plain_sign_in);
	}
}

/* ---- opening and closing ---- */

static void say_why_not(struct directory *dir, struct door *d, int err)
{
	char text[ADDR_STR_BYTES];

	if (!strcmp(d->reason, strerror(err)))
		return; /* said already */
	(void)snprintf(d->reason, sizeof(d->reason), "%s", strerror(err));
	log_error(NULL, LOGID_LDAP, "cannot serve %s on %s: %s", name_of(d),
		  addr_str(text, &d->want), d->reason);
	happened(dir->s, BUS_TRANSPORT_LOST, name_of(d), text, d->reason);
}

static int open_door(struct directory *dir, struct door *d)
{
	struct ldap_door door = {.number = dir->last_number + 1,
				 .fd = -1,
				 .is_tls = d->is_tls,
				 .plain_sign_in = d->plain_sign_in};
	char text[ADDR_STR_BYTES];
	struct addr bound;
	int err = sock_listen(&door.fd, &d->want, &bound), own = -1;

	if (!err) {
		own = fcntl(door.fd, F_DUPFD_CLOEXEC, 0);
		err = own < 0 ? errno : ldap_serve(dir->ldap, &door);
		if (err)
			close(door.fd);
	}
	if (err) {
		if (own >= 0)
			close(own);
		say_why_not(dir, d, err);
		return err;
	}
	d->number = ++dir->last_number;
	d->fd = own;
	d->reason[0] = '\0';
	log_info(NULL, LOGID_LDAP, "%s on %s", name_of(d), addr_str(text, &bound));
	happened(dir->s, BUS_TRANSPORT_MADE, name_of(d), text, "");
	return 0;
}

static int close_door(struct directory *dir, const struct door *d)
{
	char text[ADDR_STR_BYTES];
	int err = d->number ? ldap_leave(dir->ldap, d->number) : 0;

	if (err || !d->number)
		return err;
	/* The address is free now: another door there may be wanted by the same change. */
	(void)shutdown(d->fd, SHUT_RDWR);
	close(d->fd);
	log_info(NULL, LOGID_LDAP, "%s on %s no more", name_of(d), addr_str(text, &d->want));
	happened(dir->s, BUS_TRANSPORT_LOST, name_of(d), text, "no longer wanted");
	return 0;
}

static void reconcile(struct directory *dir);

static void again(struct timer *timer, void *arg)
{
	reconcile(arg);
}

static bool drop_unwanted(struct directory *dir)
{
	bool is_done = true;
	size_t kept = 0;

	for (size_t i = 0; i < dir->n; i++) {
		struct door *d = &dir->doors[i];

		if (!d->is_wanted && !close_door(dir, d))
			continue;
		is_done &= d->is_wanted;
		dir->doors[kept++] = *d;
	}
	dir->n = kept;
	return is_done;
}

static void reconcile(struct directory *dir)
{
	bool is_done;

	for (size_t i = 0; i < dir->n; i++)
		dir->doors[i].is_wanted = false;
	model_tell_all(dir->s->model, &resource_ldap_server, 0, want_server, dir);
	is_done = drop_unwanted(dir);
	for (size_t i = 0; i < dir->n; i++)
		if (dir->doors[i].is_wanted && !dir->doors[i].number &&
		    open_door(dir, &dir->doors[i]))
			is_done = false;
	if (is_done)
		timer_cancel(&dir->retry);
	else
		timer_start(dir->s->env.wheel, &dir->retry, dir->tries++ < 10 ? RETRY_MS : LATER_MS,
			    again, dir);
}

static void changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    uint64_t id, void *arg)
{
	struct server *s = arg;

	if (!s->directory || (res != &resource_ldap_server && res != &resource_network_setting))
		return;
	s->directory->tries = 0;
	reconcile(s->directory);
}

/* ---- life ---- */

int directory_start(struct server *s)
{
	struct directory *dir = calloc(1, sizeof(*dir));
	struct ldap_conf conf = {.store = s->store, .tls_listener = NET_TLS_OTHERS};
	char why[160] = "";
	int err = dir ? net_tls_for_others(s->net, &conf.tls, why) : ENOMEM;

	if (!err)
		err = ldap_open(&dir->ldap, &conf);
	if (err) {
		free(dir);
		return err;
	}
	dir->s = s;
	s->directory = dir;
	err = ldap_start(dir->ldap);
	if (!err)
		err = model_watch(s->model, changed, s);
	if (!err)
		reconcile(dir);
	return err;
}

void directory_stop(struct server *s)
{
	if (!s->directory)
		return;
	timer_cancel(&s->directory->retry);
	ldap_stop(s->directory->ldap);
}

void directory_close(struct server *s)
{
	struct directory *dir = s->directory;

	s->directory = NULL;
	if (!dir)
		return;
	ldap_close(dir->ldap);
	for (size_t i = 0; i < dir->n; i++)
		if (dir->doors[i].number)
			close(dir->doors[i].fd);
	free(dir);
}
