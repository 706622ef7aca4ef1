/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "main/names.h"

enum { WHY_BYTES = 160 };

struct owner {
	struct map_node node;
	uint64_t tenant_id;
	struct buf words; /* names that are shown now, joined by spaces */
};

struct names {
	const struct model *m;
	struct net *net;
	struct map owners;
};

int names_pair(const struct model *m, uint64_t tenant_id, uint64_t id, struct pem_pair *pair,
	       char *why)
{
	const struct certificate *c =
		(const struct certificate *)model_object(m, &resource_certificate, tenant_id, id);
	struct pem_fault fault;
	int err;

	if (!c) {
		(void)snprintf(why, WHY_BYTES, "there is no certificate %" PRIu64, id);
		return EINVAL;
	}
	err = pem_pair_read(pair, str_of(c->chain), str_of(c->key), c->passphrase, &fault);
	if (err == EINVAL)
		(void)snprintf(why, WHY_BYTES, "certificate %.60s: %s %s", c->name,
			       fault.is_key ? "the key" : "the chain", fault.text);
	return err;
}

/* ---- which is for a name ---- */

struct search {
	struct str name;
	const struct certificate *best;
};

static void better(const struct model *m, const struct resource *res, uint64_t tenant_id,
		   uint64_t id, void *arg)
{
	const struct certificate *c =
		(const struct certificate *)model_object(m, res, tenant_id, id);
	struct search *s = arg;

	if (pem_names_have(str_of(c->names), s->name) &&
	    (!s->best || c->expires_at > s->best->expires_at))
		s->best = c;
}

static const struct certificate *best_for(const struct names *n, uint64_t tenant_id,
					  struct str name)
{
	struct search s = {name, NULL};

	model_tell_all(n->m, &resource_certificate, tenant_id, better, &s);
	return s.best;
}

/* ---- which names there are ---- */

static void add_words(const struct model *m, const struct resource *res, uint64_t tenant_id,
		      uint64_t id, void *arg)
{
	const struct certificate *c =
		(const struct certificate *)model_object(m, res, tenant_id, id);
	struct buf *words = arg;

	if (words->n)
		buf_char(words, ' ');
	buf_cstr(words, c->names);
}

static void words_of(const struct names *n, uint64_t tenant_id, struct buf *words)
{
	const struct tenant *t = tenant_id ? model_tenant(n->m, tenant_id) : NULL;

	if (!tenant_id)
		model_tell_all(n->m, &resource_certificate, 0, add_words, words);
	else if (t && best_for(n, tenant_id, str_of(t->domain)))
		buf_cstr(words, t->domain);
}

static bool has_word(struct str words, struct str word)
{
	while (words.n)
		if (str_ieq(str_cut(&words, ' '), word))
			return true;
	return false;
}

/* ---- telling the edge ---- */

static void show(struct names *n, uint64_t tenant_id, struct str word)
{
	const struct certificate *c = best_for(n, tenant_id, word);
	char why[WHY_BYTES] = "";
	struct pem_pair pair = {NULL, NULL, NULL};
	int err = c ? names_pair(n->m, tenant_id, c->o.id, &pair, why) : ENOENT;

	if (!err)
		err = net_certificate_for(n->net, tenant_id != 0, word, &pair);
	pem_pair_close(&pair);
	if (err)
		log_error(&(struct log_ctx){.tenant = tenant_id}, LOGID_NET,
			  "the certificate for %.*s is not shown: %s", STR_ARG(word),
			  *why ? why : strerror(err));
}

static void show_all(struct names *n, uint64_t tenant_id, struct str words, struct str before)
{
	struct str rest = words;

	while (rest.n) {
		struct str word = str_cut(&rest, ' ');

		if (word.n && !memchr(word.p, '*', word.n))
			show(n, tenant_id, word);
	}
	while (before.n) {
		struct str word = str_cut(&before, ' ');

		if (!has_word(words, word))
			(void)!net_certificate_for(n->net, tenant_id != 0, word, NULL);
	}
}

static bool same_owner(const struct map_node *node, const void *key)
{
	return ((const struct owner *)node)->tenant_id == *(const uint64_t *)key;
}

static void forget(struct names *n, struct owner *o)
{
	map_remove(&n->owners, &o->node);
	buf_free(&o->words);
	free(o);
}

void names_changed(struct names *n, uint64_t tenant_id)
{
	uint64_t hash = map_hash_u64(tenant_id, 0);
	struct owner *o = (struct owner *)map_find(&n->owners, hash, same_owner, &tenant_id);
	struct buf words = {0};

	words_of(n, tenant_id, &words);
	if (!words.err)
		show_all(n, tenant_id, buf_view(&words), o ? buf_view(&o->words) : STR_NONE);
	if (o && !words.err)
		forget(n, o);
	if (!words.n || words.err) {
		buf_free(&words);
		return;
	}
	o = mem_fault() ? NULL : calloc(1, sizeof(*o));
	if (!o) {
		buf_free(&words); /* they stay until the server ends */
		return;
	}
	o->tenant_id = tenant_id;
	o->words = words;
	map_add(&n->owners, &o->node, hash);
}

/* ---- life ---- */

static void tenant_is_there(const struct model *m, const struct resource *res, uint64_t tenant_id,
			    uint64_t id, void *arg)
{
	(void)tenant_id;
	names_changed(arg, id);
}

int names_alloc(struct names **np, const struct model *m, struct net *net)
{
	struct names *n = mem_fault() ? NULL : calloc(1, sizeof(*n));
	int err;

	if (!n)
		return ENOMEM;
	n->m = m;
	n->net = net;
	err = map_init(&n->owners);
	if (err) {
		free(n);
		return err;
	}
	names_changed(n, 0);
	model_tell_all(m, &resource_tenant, 0, tenant_is_there, n);
	*np = n;
	return 0;
}

struct names *names_free(struct names *n)
{
	struct map_iter it = {0};
	struct map_node *node;

	if (!n)
		return NULL;
	while (n->owners.count && (node = map_next(&n->owners, &it)) != NULL)
		forget(n, (struct owner *)node);
	map_close(&n->owners);
	free(n);
	return NULL;
}
