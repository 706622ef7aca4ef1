/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "net/net_priv.h"
#include "net/tls_keeper.h"

struct named { /* a name that has a certificate */
	struct map_node node;
	bool is_tenants;
	struct pem_pair pair;
	size_t n;
	char text[];
};

struct listener {
	uint32_t number;
	SSL_CTX *ctx;
};

enum { MAX_PEERS = 4096 };

struct known { /* a peer that we have met */
	struct map_node node;
	uint64_t hash; /* of all that was said of it */
	uint32_t number;
	size_t refs;
	bool is_unproved;
	SSL_CTX *ctx; /* NULL: the one for all */
	char host[256];
};

struct tls_keeper {
	pthread_mutex_t lock;
	struct pem_pair own;
	SSL_CTX *client; /* of the connections that we make; counted: connections hold theirs */
	struct listener listeners[NET_MAX_LISTENERS + 1]; /* the last is NET_TLS_OTHERS */
	struct map names;
	X509_STORE *trust;
	struct map peers;		   /* by hash */
	struct known *numbered[MAX_PEERS]; /* at (number - 1) % MAX_PEERS */
	uint32_t last_number[MAX_PEERS];   /* that was given at that place */
};

/* ---- contexts ---- */

static SSL_CTX *context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = mem_fault() ? NULL : SSL_CTX_new(method);

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* A phone's connection lasts for hours: tickets save nothing and outlive their keys. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	/* An idle connection holds no buffers. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

static int why_not(char *why, const char *what)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	(void)snprintf(why, TLS_WHY_BYTES, "%.100s: %.50s", what, text ? text : "refused");
	ERR_clear_error();
	return EINVAL;
}

static int show(SSL_CTX *ctx, const struct pem_pair *p, char *why)
{
	ERR_clear_error();
	return SSL_CTX_use_cert_and_key(ctx, p->cert, p->key, p->more, 1) == 1
		       ? 0
		       : why_not(why, "the certificate");
}

static SSL_CTX *client_context(X509_STORE *trust)
{
	SSL_CTX *ctx = context(TLS_client_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set1_cert_store(ctx, trust);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

/* ---- names ---- */

struct wanted {
	bool is_tenants;
	struct str name;
};

static bool same_name(const struct map_node *node, const void *key)
{
	const struct named *n = (const struct named *)node;
	const struct wanted *w = key;

	return n->is_tenants == w->is_tenants && str_ieq((struct str){n->text, n->n}, w->name);
}

static struct named *find_name(const struct tls_keeper *k, bool is_tenants, struct str name)
{
	const struct wanted w = {is_tenants, name};

	return (struct named *)map_find(&k->names, map_hash_istr(name), same_name, &w);
}

static void named_free(struct named *n)
{
	if (n)
		pem_pair_close(&n->pair);
	free(n);
}

int tls_keeper_name(struct tls_keeper *k, bool is_tenants, struct str name,
		    const struct pem_pair *pair)
{
	struct named *n = NULL, *before;

	if (pair) {
		n = mem_fault() ? NULL : calloc(1, sizeof(*n) + name.n + 1);
		if (!n)
			return ENOMEM;
		n->is_tenants = is_tenants;
		n->n = name.n;
		memcpy(n->text, name.p, name.n);
		pem_pair_copy(&n->pair, pair);
	}
	pthread_mutex_lock(&k->lock);
	before = find_name(k, is_tenants, name);
	if (before)
		map_remove(&k->names, &before->node);
	if (n)
		map_add(&k->names, &n->node, map_hash_istr(name));
	pthread_mutex_unlock(&k->lock);
	named_free(before);
	return 0;
}

/* Called in the hand-shake: only the certificate changes, what is asked of the client stays. */
static int name_asked_for(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct tls_keeper *k = arg;
	struct pem_pair pair = {NULL, NULL, NULL};
	const struct named *n;

	(void)alert;
	if (!name)
		return SSL_TLSEXT_ERR_NOACK;
	pthread_mutex_lock(&k->lock);
	n = find_name(k, true, str_of(name));
	if (!n)
		n = find_name(k, false, str_of(name));
	if (n)
		pem_pair_copy(&pair, &n->pair);
	pthread_mutex_unlock(&k->lock);
	if (pair.cert)
		(void)!SSL_use_cert_and_key(ssl, pair.cert, pair.key, pair.more, 1);
	pem_pair_close(&pair);
	return SSL_TLSEXT_ERR_OK;
}

/* ---- listeners ---- */

static int ask_for_certificates(SSL_CTX *ctx, struct str client_ca, char *why)
{
	STACK_OF(X509_NAME) * names;
	struct pem_fault fault;
	X509_STORE *store;
	int err = pem_roots_read(&store, &names, client_ca, &fault);

	if (err == EINVAL)
		(void)snprintf(why, TLS_WHY_BYTES, "roots for clients: %s", fault.text);
	if (err)
		return err;
	SSL_CTX_set_cert_store(ctx, store);
	SSL_CTX_set0_CA_list(ctx, names);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return 0;
}

static struct listener *listener_of(struct tls_keeper *k, uint32_t number)
{
	return &k->listeners[number == NET_TLS_OTHERS ? NET_MAX_LISTENERS
						      : (number - 1) % NET_MAX_LISTENERS];
}

static void replace(struct tls_keeper *k, uint32_t number, SSL_CTX *ctx)
{
	struct listener *l = listener_of(k, number);
	SSL_CTX *before;

	pthread_mutex_lock(&k->lock);
	before = l->ctx;
	l->number = number;
	l->ctx = ctx;
	pthread_mutex_unlock(&k->lock);
	SSL_CTX_free(before);
}

int tls_keeper_listener(struct tls_keeper *k, uint32_t listener, const struct net_tls *what,
			char *why)
{
	const struct pem_pair *pair = what->pair ? what->pair : &k->own;
	SSL_CTX *ctx;
	int err;

	if (!pair->cert) {
		(void)snprintf(why, TLS_WHY_BYTES, "there is no certificate");
		return EINVAL;
	}
	ctx = context(TLS_server_method());
	if (!ctx)
		return ENOMEM;
	SSL_CTX_set_tlsext_servername_callback(ctx, name_asked_for);
	SSL_CTX_set_tlsext_servername_arg(ctx, k);
	err = show(ctx, pair, why);
	if (!err && what->client_ca.n)
		err = ask_for_certificates(ctx, what->client_ca, why);
	if (err)
		SSL_CTX_free(ctx);
	else
		replace(k, listener, ctx);
	return err;
}

void tls_keeper_forget(struct tls_keeper *k, uint32_t listener)
{
	if (listener_of(k, listener)->number == listener)
		replace(k, listener, NULL);
}

/* ---- what is ours, whom we believe ---- */

int tls_keeper_set(struct tls_keeper *k, const struct pem_pair *pair, char *why)
{
	SSL_CTX *client = client_context(k->trust), *before;
	int err = client ? show(client, pair, why) : ENOMEM;

	if (err) {
		SSL_CTX_free(client);
		return err;
	}
	pem_pair_close(&k->own);
	pem_pair_copy(&k->own, pair);
	pthread_mutex_lock(&k->lock);
	before = k->client;
	k->client = client;
	pthread_mutex_unlock(&k->lock);
	SSL_CTX_free(before);
	return 0;
}

int tls_keeper_trust(struct tls_keeper *k, const char *ca_path, char *why)
{
	char what[100];

	ERR_clear_error();
	if (X509_STORE_load_file(k->trust, ca_path) == 1)
		return 0;
	(void)snprintf(what, sizeof(what), "roots %.80s", ca_path);
	return why_not(why, what);
}

/* ---- connections ---- */

static int new_ssl(SSL_CTX *ctx, SSL **sslp)
{
	if (!ctx)
		return ENOENT;
	*sslp = mem_fault() ? NULL : SSL_new(ctx); /* holds the context */
	return *sslp ? 0 : ENOMEM;
}

int tls_keeper_incoming(struct tls_keeper *k, uint32_t listener, SSL **sslp)
{
	struct listener *l = listener_of(k, listener);
	int err;

	pthread_mutex_lock(&k->lock);
	err = new_ssl(l->number == listener ? l->ctx : NULL, sslp);
	pthread_mutex_unlock(&k->lock);
	return err;
}

static struct known *known_by(const struct tls_keeper *k, uint32_t whom)
{
	struct known *p = whom ? k->numbered[(whom - 1) % MAX_PEERS] : NULL;

	return p && p->number == whom ? p : NULL;
}

int tls_keeper_outgoing(struct tls_keeper *k, uint32_t whom, SSL **sslp,
			struct tls_keeper_peer *who)
{
	const struct known *p;
	int err = ENOENT;

	*who = (struct tls_keeper_peer){.is_unproved = false};
	pthread_mutex_lock(&k->lock);
	p = known_by(k, whom);
	if (p) {
		memcpy(who->host, p->host, sizeof(who->host));
		who->is_unproved = p->is_unproved;
	}
	if (p || !whom)
		err = new_ssl(p && p->ctx ? p->ctx : k->client, sslp);
	pthread_mutex_unlock(&k->lock);
	return err;
}

/* ---- peers ---- */

static uint64_t hash_of(const struct flow_peer *who)
{
	uint64_t h = map_hash_istr(who->host);

	h = map_hash2(h, who->roots);
	h = map_hash2(h, who->chain);
	h = map_hash2(h, who->key);
	return map_hash2(h, who->is_unproved ? STR("unproved") : STR("proved"));
}

static bool same_peer(const struct map_node *node, const void *key)
{
	return ((const struct known *)node)->hash == *(const uint64_t *)key;
}

static int believe(SSL_CTX *ctx, const struct flow_peer *who, char *why)
{
	X509_STORE *store = NULL;
	struct pem_fault fault;
	int err = 0;

	if (who->is_unproved) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
		return 0;
	}
	if (!who->roots.n)
		return 0;
	err = pem_roots_read(&store, NULL, who->roots, &fault);
	if (!err)
		SSL_CTX_set_cert_store(ctx, store);
	else if (err == EINVAL)
		(void)snprintf(why, TLS_WHY_BYTES, "its roots: %s", fault.text);
	return err;
}

static int show_there(struct tls_keeper *k, SSL_CTX *ctx, const struct flow_peer *who, char *why)
{
	struct pem_fault fault;
	struct pem_pair pair;
	int err;

	if (!who->chain.n)
		return k->own.cert ? show(ctx, &k->own, why) : 0;
	err = pem_pair_read(&pair, who->chain, who->key, who->passphrase, &fault);
	if (err == EINVAL)
		(void)snprintf(why, TLS_WHY_BYTES, "our certificate: %s", fault.text);
	if (err)
		return err;
	err = show(ctx, &pair, why);
	pem_pair_close(&pair);
	return err;
}

/* One that is like none of the others has a context of its own. */
static int make_context(struct tls_keeper *k, const struct flow_peer *who, SSL_CTX **ctxp,
			char *why)
{
	SSL_CTX *ctx;
	int err;

	*ctxp = NULL;
	if (!who->is_unproved && !who->roots.n && !who->chain.n)
		return 0;
	ctx = client_context(k->trust);
	err = ctx ? believe(ctx, who, why) : ENOMEM;
	if (!err)
		err = show_there(k, ctx, who, why);
	if (err)
		SSL_CTX_free(ctx);
	else
		*ctxp = ctx;
	return err;
}

static void known_free(struct known *p)
{
	if (p)
		SSL_CTX_free(p->ctx);
	free(p);
}

static int number_it(struct tls_keeper *k, struct known *p)
{
	for (uint32_t i = 0; i < MAX_PEERS; i++) {
		if (k->numbered[i])
			continue;
		k->last_number[i] = k->last_number[i] ? k->last_number[i] + MAX_PEERS : i + 1;
		p->number = k->last_number[i];
		k->numbered[i] = p;
		return 0;
	}
	return ENOSPC;
}

int tls_keeper_meet(struct tls_keeper *k, const struct flow_peer *who, uint32_t *whomp, char *why)
{
	uint64_t hash = hash_of(who);
	struct known *p;
	int err;

	if (who->host.n >= sizeof(p->host))
		return EINVAL;
	/* Only this thread changes the peers: it may look without the lock. */
	p = (struct known *)map_find(&k->peers, hash, same_peer, &hash);
	if (p) {
		p->refs++;
		*whomp = p->number;
		return 0;
	}
	p = mem_fault() ? NULL : calloc(1, sizeof(*p));
	err = p ? make_context(k, who, &p->ctx, why) : ENOMEM;
	if (!err) {
		p->hash = hash;
		p->refs = 1;
		p->is_unproved = who->is_unproved;
		memcpy(p->host, who->host.p ? who->host.p : "", who->host.n);
		pthread_mutex_lock(&k->lock);
		err = number_it(k, p);
		pthread_mutex_unlock(&k->lock);
	}
	if (err) {
		known_free(p);
		return err;
	}
	map_add(&k->peers, &p->node, hash);
	*whomp = p->number;
	return 0;
}

void tls_keeper_part(struct tls_keeper *k, uint32_t whom)
{
	struct known *p = known_by(k, whom);

	if (!p || --p->refs)
		return;
	map_remove(&k->peers, &p->node);
	pthread_mutex_lock(&k->lock);
	k->numbered[(whom - 1) % MAX_PEERS] = NULL;
	pthread_mutex_unlock(&k->lock);
	known_free(p);
}

/* ---- life ---- */

int tls_keeper_alloc(struct tls_keeper **kp)
{
	struct tls_keeper *k = mem_fault() ? NULL : calloc(1, sizeof(*k));
	int err;

	if (!k)
		return ENOMEM;
	err = pthread_mutex_init(&k->lock, NULL);
	if (err) {
		free(k);
		return err;
	}
	err = map_init(&k->names);
	if (!err)
		err = map_init(&k->peers);
	k->trust = err ? NULL : X509_STORE_new();
	if (!err && (!k->trust || X509_STORE_set_default_paths(k->trust) != 1))
		err = ENOMEM;
	k->client = err ? NULL : client_context(k->trust);
	if (!err && !k->client)
		err = ENOMEM;
	ERR_clear_error();
	if (err)
		tls_keeper_free(k);
	else
		*kp = k;
	return err;
}

struct tls_keeper *tls_keeper_free(struct tls_keeper *k)
{
	struct map_iter it = {0};
	struct map_node *node;

	if (!k)
		return NULL;
	for (size_t i = 0; i <= NET_MAX_LISTENERS; i++)
		SSL_CTX_free(k->listeners[i].ctx);
	while (k->names.count && (node = map_next(&k->names, &it)) != NULL) {
		map_remove(&k->names, node);
		named_free((struct named *)node);
	}
	map_close(&k->names);
	for (size_t i = 0; i < MAX_PEERS; i++)
		known_free(k->numbered[i]);
	map_close(&k->peers);
	SSL_CTX_free(k->client);
	pem_pair_close(&k->own);
	X509_STORE_free(k->trust);
	pthread_mutex_destroy(&k->lock);
	free(k);
	return NULL;
}
