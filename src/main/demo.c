/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Demo mode: a ready tenant with three extensions, whose generated passwords are printed for a person and written to
 * DIR/demo.json for programs while the server runs.
 *
 * The passwords of people are stored only as argon2id, so what was generated is kept in DIR/demo.keep (mode 0600) for
 * the next start on the same folder.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/server.h"
#include "main/transports.h"

enum { DEMO_EXTENSIONS = 3, PASSWORD_CHARS = 16 };

static const char domain[] = "demo.offhook.test";
static const char *const numbers[DEMO_EXTENSIONS] = {"101", "102", "103"};
static const char *const loopback[] = {"127.0.0.0/8", "::1"};
static const char *const first_names[DEMO_EXTENSIONS] = {"Ada", "Ben", "Cleo"};

const char *demo_domain(void)
{
	return domain;
}

static int data_path(const struct server *s, char *dst, size_t n, const char *file)
{
	int len = snprintf(dst, n, "%s/%s", s->config.data_dir, file);

	return len < 0 || (size_t)len >= n ? ENAMETOOLONG : 0;
}

/* Written aside and renamed, so that whoever sees the file sees all of it. */
static int write_file(const struct server *s, const char *file, const json_t *json)
{
	char path[600], aside[620];
	int fd, err = data_path(s, path, sizeof(path), file);

	if (err)
		return err;
	snprintf(aside, sizeof(aside), "%s.new", path);
	unlink(aside);
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if (json_dumpfd(json, fd, JSON_INDENT(2)) || fsync(fd))
		err = EIO;
	close(fd);
	if (!err && rename(aside, path))
		err = errno;
	if (err)
		unlink(aside);
	return err;
}

static json_t *read_keep(const struct server *s)
{
	char path[600];

	return data_path(s, path, sizeof(path), "demo.keep") ? NULL : json_load_file(path, 0, NULL);
}

static int create(struct server *s, uint64_t tenant_id, const char *resource, json_t *body,
		  uint64_t *idp)
{
	struct field_errors errs = {.n = 0};
	char *text = json_dumps(body, JSON_COMPACT);
	int err;

	json_decref(body);
	if (!text)
		return ENOMEM;
	err = store_create_now(s->store, tenant_id, resource_by_name(str_of(resource)), text, idp,
			       &errs);
	free(text);
	for (size_t i = 0; i < errs.n; i++)
		log_error(NULL, LOGID_STORE, "demo %s: %s: %s", resource, errs.v[i].field,
			  errs.v[i].message);
	return err;
}

static json_t *random_password(struct server *s)
{
	char text[PASSWORD_CHARS + 1];

	rng_token(s->env.rng, text, PASSWORD_CHARS);
	return json_string(text);
}

static int seed_objects(struct server *s, const json_t *keep)
{
	uint64_t id, tenant_id;
	const json_t *passwords = json_object_get(keep, "accounts");
	int err = create(s, 0, "admin",
			 json_pack("{s:s,s:s}", "username", "admin", "password",
				   json_string_value(json_object_get(keep, "admin"))),
			 &id);

	if (err)
		return err;
	err = create(s, 0, "tenant",
		     json_pack("{s:s,s:s,s:s,s:s,s:s}", "name", "demo", "domain", domain, "company",
			       "Demo", "username", "demo", "password",
			       json_string_value(json_object_get(keep, "tenant"))),
		     &tenant_id);
	for (size_t i = 0; !err && i < ARRAY_LEN(loopback); i++)
		err = create(s, 0, "address_rule",
			     json_pack("{s:s,s:s,s:s}", "network", loopback[i], "action", "allow",
				       "description", "demo: this machine itself"),
			     &id);
	for (size_t i = 0; !err && i < DEMO_EXTENSIONS; i++)
		err = create(s, tenant_id, "extension",
			     json_pack("{s:s,s:s,s:s}", "number", numbers[i], "first_name",
				       first_names[i], "password",
				       json_string_value(json_array_get(passwords, i))),
			     &id);
	return err;
}

int demo_seed(struct server *s)
{
	char path[600];
	json_t *keep;
	int err;

	if (data_path(s, path, sizeof(path), "demo.json"))
		return ENAMETOOLONG;
	unlink(path); /* of a run that was killed */
	keep = read_keep(s);
	if (keep) {
		json_decref(keep);
		return 0;
	}
	keep = json_pack("{s:o,s:o,s:[ooo]}", "admin", random_password(s), "tenant",
			 random_password(s), "accounts", random_password(s), random_password(s),
			 random_password(s));
	if (!keep)
		return ENOMEM;
	err = seed_objects(s, keep);
	if (err == EINVAL || err == EEXIST)
		log_error(NULL, LOGID_STORE,
			  "--demo needs a data folder of its own: %s holds other data",
			  s->config.data_dir);
	if (!err)
		err = write_file(s, "demo.keep", keep);
	json_decref(keep);
	return err;
}

static json_t *accounts_json(const json_t *keep)
{
	json_t *list = json_array();

	for (size_t i = 0; i < DEMO_EXTENSIONS; i++)
		json_array_append_new(
			list, json_pack("{s:s,s:s,s:O}", "extension", numbers[i], "username",
					numbers[i], "password",
					json_array_get(json_object_get(keep, "accounts"), i)));
	return list;
}

static unsigned port_of(const struct server *s, enum flow_transport t)
{
	struct addr where;

	return transports_first(s->transports, t, &where) ? where.port : 0;
}

/* NULL, and not said: it is not served. */
static json_t *port_json(const struct server *s, enum flow_transport t)
{
	return port_of(s, t) ? json_integer(port_of(s, t)) : NULL;
}

static json_t *demo_json(const struct server *s, const json_t *keep)
{
	char http[ADDR_STR_BYTES], sip[ADDR_STR_BYTES];

	return json_pack(
		"{s:o,s:{s:s,s:O},s:{s:s,s:s,s:O},s:{s:s,s:i,s:o*,s:o*,s:o*,s:s*},s:o}", "http",
		json_sprintf("http://%s", addr_str(http, &s->http_bound)), "admin", "username",
		"admin", "password", json_object_get(keep, "admin"), "tenant", "domain", domain,
		"username", "demo", "password", json_object_get(keep, "tenant"), "sip", "address",
		addr_ip_str(sip, &s->sip_bound), "port", (int)s->sip_bound.port, "tls_port",
		port_json(s, FLOW_TLS), "ws_port", port_json(s, FLOW_WS), "wss_port",
		port_json(s, FLOW_WSS), "ca", *s->certificate.ca ? s->certificate.ca : NULL,
		"accounts", accounts_json(keep));
}

static void print_demo(const struct server *s, const json_t *keep)
{
	char http[ADDR_STR_BYTES], sip[ADDR_STR_BYTES];

	printf("\nOffhook demo\n\n"
	       "  REST      http://%s/api/docs\n"
	       "            administrator  admin / %s\n"
	       "            tenant         demo / %s   (domain %s)\n"
	       "  SIP       %s, UDP or TCP; TLS on port %u, root certificate %s\n"
	       "            WebSocket ws on port %u, wss on port %u\n",
	       addr_str(http, &s->http_bound), json_string_value(json_object_get(keep, "admin")),
	       json_string_value(json_object_get(keep, "tenant")), domain,
	       addr_str(sip, &s->sip_bound), port_of(s, FLOW_TLS), s->certificate.ca,
	       port_of(s, FLOW_WS), port_of(s, FLOW_WSS));
	for (size_t i = 0; i < DEMO_EXTENSIONS; i++)
		printf("            extension %s  user name %s  password %s\n", numbers[i],
		       numbers[i],
		       json_string_value(json_array_get(json_object_get(keep, "accounts"), i)));
	puts("\n  Call 101, 102 or 103 from each other, or *43 to hear yourself.\n");
	fflush(stdout);
}

/* The tenant is also served under each address, for phones that are given nothing but that. */
static int serve_under_addresses(struct server *s)
{
	const struct tenant *t = model_tenant_by_domain(s->model, str_of(domain));

	if (!t)
		return ENOENT;
	for (size_t i = 0; i < s->config.naddresses; i++) {
		char text[ADDR_STR_BYTES];
		int err = model_add_domain(
			s->model, str_of(addr_ip_str(text, &s->config.address[i])), t->o.id);

		if (err)
			return err;
	}
	return 0;
}

int demo_publish(struct server *s)
{
	json_t *keep = read_keep(s), *json = NULL;
	int err = keep ? serve_under_addresses(s) : EIO;

	if (!err)
		json = demo_json(s, keep);
	if (!err && !json)
		err = ENOMEM;
	if (!err)
		err = write_file(s, "demo.json", json);
	if (!err) {
		s->is_demo_written = true;
		print_demo(s, keep);
	}
	json_decref(json);
	json_decref(keep);
	return err;
}

void demo_remove(struct server *s)
{
	char path[600];

	if (s->is_demo_written && !data_path(s, path, sizeof(path), "demo.json"))
		unlink(path);
	s->is_demo_written = false;
}
