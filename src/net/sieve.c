/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  The filter is classic BPF: it needs no privilege, has no loops, and jumps forward by at most 255 instructions.  So a text that
 * may stand anywhere is looked for every STRIDE bytes: the word there is one of the STRIDE first words of the text, if it is there.
 * A word beyond the end of the datagram ends the filter, and drops it.
 */
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "net/sieve.h"

enum {
	MOST = 4096,	  /* instructions that the kernel takes */
	HEADER = 8,	  /* of UDP: the filter sees it too */
	STRIDE = 7,	  /* at most three less than the texts have bytes: a word is four */
	REACH = 200,	  /* instructions to the next way out, with one more word at most 254 */
	NUMBER_BYTES = 8, /* of a number that are compared */
	NUMBER_AT = 11,	  /* after "INVITE sip:" or "tel:"; "sips:" or "+" moves it by one */
	NUMBER_PLACES = 3,
	SHORTEST = 32, /* what has fewer bytes is no INVITE; a number lies before */
	URI_AT = 7,
	TAG_FROM = 60, /* To comes after the start line and one Via at least */
	CREDENTIALS_FROM = 200,
};

/* Without it, in lower or mixed case, there are no credentials: Authorization, Proxy-Authorization.  No word of it may stand in what other
 * messages say, as that of "application" would. */
static const char credentials[] = "uthorizati";

struct program {
	struct sock_filter at[MOST];
	size_t n;
	bool is_over; /* it became too long */
};

static void put(struct program *p, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (p->n == MOST)
		p->is_over = true;
	else
		p->at[p->n++] = (struct sock_filter){code, jt, jf, k};
}

static void let_pass(struct program *p)
{
	put(p, BPF_RET | BPF_K, 0, 0, UINT32_MAX);
}

static uint32_t word_of(const char *text)
{
	const uint8_t *b = (const uint8_t *)text;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void load_word(struct program *p, size_t payload_at)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(HEADER + payload_at));
}

/* What is too short to be a call, or none, passes; so does a share of the calls. */
static void put_lot(struct program *p, uint32_t share)
{
	put(p, BPF_LD | BPF_W | BPF_LEN, 0, 0, 0);
	put(p, BPF_JMP | BPF_JGE | BPF_K, 1, 0, HEADER + SHORTEST);
	let_pass(p);
	load_word(p, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, word_of("INVI"));
	let_pass(p);
	put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM));
	put(p, BPF_JMP | BPF_JGE | BPF_K, 1, 0, (share < 65536 ? share : 65535) << 16);
	let_pass(p);
}

/* RFC 5031: "INVITE urn:service:sos". */
static void put_services(struct program *p)
{
	load_word(p, URI_AT);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, word_of("urn:"));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, word_of("URN:"));
	let_pass(p);
}

/* A number that begins so, at that place. */
static void put_number(struct program *p, struct str number, size_t payload_at)
{
	size_t n = number.n < NUMBER_BYTES ? number.n : NUMBER_BYTES;

	for (size_t i = 0; i < n; i++) {
		uint8_t past = (uint8_t)(2 * (n - i) - 1);

		put(p, BPF_LD | BPF_B | BPF_ABS, 0, 0, (uint32_t)(HEADER + payload_at + i));
		put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, past, (uint8_t)number.p[i]);
	}
	let_pass(p);
}

/* Whichever of the texts' words stands there: out of here, once the way out is known. */
static void put_compare(struct program *p, const char *text)
{
	for (size_t k = 0; k < STRIDE; k++)
		put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, word_of(text + k));
}

/* The way out for every comparison since `from`. */
static void put_way_out(struct program *p, size_t from)
{
	put(p, BPF_JMP | BPF_JA, 0, 0, 1);
	for (size_t i = from; i < p->n; i++)
		if (p->at[i].code == (BPF_JMP | BPF_JEQ | BPF_K))
			p->at[i].jt = (uint8_t)(p->n - i - 1);
	let_pass(p);
}

/* One pass for both texts, of FLOW_THIN_MARK bytes each: the end of the datagram ends it. */
static void put_search(struct program *p, const char *mark, size_t tag_to, size_t credentials_to)
{
	size_t from = p->n;

	for (size_t at = TAG_FROM; at < credentials_to; at += STRIDE) {
		load_word(p, at);
		if (at < tag_to)
			put_compare(p, mark);
		if (at >= CREDENTIALS_FROM)
			put_compare(p, credentials);
		if (p->n - from > REACH) {
			put_way_out(p, from);
			from = p->n;
		}
	}
	put_way_out(p, from);
}

static void write(struct program *p, const struct flow_thinning *t, size_t tag_to,
		  size_t credentials_to)
{
	put_lot(p, t->share);
	put_services(p);
	for (size_t i = 0; i < t->nfirst; i++)
		for (size_t place = 0; place < NUMBER_PLACES; place++)
			put_number(p, t->first[i], NUMBER_AT + place);
	put_search(p, t->mark.p, tag_to, credentials_to);
	put(p, BPF_RET | BPF_K, 0, 0, 0);
}

static int attach(int fd, struct program *p)
{
	const struct sock_fprog prog = {(unsigned short)p->n, p->at};

	if (p->is_over)
		return ENOMEM;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ? errno : 0;
}

int sieve_set(int fd, const struct flow_thinning *t)
{
	/* Memory for filters is scarce on older kernels: where there is less of it, what stands late is not found. */
	static const struct {
		size_t tag_to, credentials_to;
	} reach[] = {{800, 1500}, {600, 1000}, {400, 700}};
	int err = ENOMEM;

	_Static_assert(FLOW_THIN_MARK >= STRIDE + 3, "a word at each place");
	_Static_assert(sizeof(credentials) - 1 >= STRIDE + 3, "likewise");
	_Static_assert(REACH + 1 + 2 * STRIDE + 2 < 255, "in reach of a jump");
	if (!t)
		return setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)) &&
				       errno != ENOENT
			       ? errno
			       : 0;
	if (t->nfirst > FLOW_THIN_NUMBERS)
		return ENOSPC;
	if (t->mark.n != FLOW_THIN_MARK)
		return EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(reach) && err == ENOMEM; i++) {
		struct program p = {.n = 0};

		write(&p, t, reach[i].tag_to, reach[i].credentials_to);
		err = attach(fd, &p);
	}
	return err;
}
