/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ring in its file: what is found again after a crash, and what is not. */
#include <fcntl.h>
#include <sys/mman.h>
#include "base/clock.h"
#include "base/crc32c.h"
#include "store/journal_file.h"
#include "store/testing.h"

enum { RING_AT = 12288 };

struct files {
	char dir[64], path[128];
	struct journal_file f;
	struct journal_place start;
};

static int make(void **state)
{
	struct files *t = calloc(1, sizeof(*t));

	strcpy(t->dir, "/tmp/offhook-journal-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->path, sizeof(t->path), "%s/journal", t->dir);
	assert_int_equal(journal_file_create(&t->f, t->path, JOURNAL_MIN_BYTES, 7, 3), 0);
	t->start = t->f.head;
	*state = t;
	return 0;
}

static int drop(void **state)
{
	struct files *t = *state;

	journal_file_close(&t->f);
	nftw(t->dir, testing_unlink, 16, FTW_DEPTH | FTW_PHYS);
	free(t);
	return 0;
}

static void put(struct files *t, uint64_t id, const char *caller)
{
	struct call_record c = {.tenant_id = 5, .id = id, .started_at = -3, .sip_code = 200};

	strcpy(c.caller, caller);
	assert_int_equal(journal_file_write(&t->f, RECORD_CALL, &c, sizeof(c)), 0);
}

static void crash_and_open(struct files *t, struct journal_place *from)
{
	journal_file_close(&t->f); /* neither synced nor told: as if killed */
	assert_int_equal(journal_file_open(&t->f, t->path, from), 0);
	assert_int_equal(t->f.node, 7);
	assert_int_equal(t->f.boot, 3);
}

/* The ids of the calls found, from the last checkpoint. */
static size_t found(struct files *t, struct journal_place at, uint64_t *ids, size_t max)
{
	struct journal_record r;
	struct pack_names names;
	struct call_record c;
	size_t n = 0;

	pack_names_read(&names, journal_file_names(&t->f));
	while (!journal_file_next(&t->f, &at, UINT64_MAX, &r)) {
		assert_int_equal(pack_read(&names, r.kind, &c, r.p, r.n), 0);
		assert_int_equal(c.started_at, -3);
		assert_int_equal(c.sip_code, 200);
		assert_int_equal(c.tenant_id, 5);
		if (n < max)
			ids[n] = c.id;
		n++;
	}
	return n;
}

static void what_was_written_is_found_in_order(void **state)
{
	struct files *t = *state;
	struct journal_place from;
	uint64_t ids[4];

	put(t, 11, "101");
	put(t, 12, "");
	put(t, 13, "a longer one");
	crash_and_open(t, &from);
	assert_int_equal(found(t, from, ids, 4), 3);
	assert_int_equal(ids[0], 11);
	assert_int_equal(ids[1], 12);
	assert_int_equal(ids[2], 13);
}

static void an_empty_journal_holds_nothing(void **state)
{
	struct files *t = *state;
	struct journal_place from;

	crash_and_open(t, &from);
	assert_int_equal(found(t, from, NULL, 0), 0);
}

static void reading_stops_at_the_first_torn_record(void **state)
{
	struct files *t = *state;
	struct journal_place from;
	uint64_t second;

	put(t, 1, "101");
	second = t->f.head.pos;
	put(t, 2, "102");
	put(t, 3, "103");
	t->f.map[RING_AT + second + 40] ^= 1;
	crash_and_open(t, &from);
	assert_int_equal(found(t, from, NULL, 0), 1);
	t->f.map[RING_AT + second + 40] ^= 1; /* the control: it was this bit */
	assert_int_equal(found(t, from, NULL, 0), 3);
}

static void what_is_in_the_database_is_not_read_again(void **state)
{
	struct files *t = *state;
	struct journal_place from;
	uint64_t ids[2];

	put(t, 1, "");
	assert_int_equal(journal_file_checkpoint(&t->f, &t->f.head), 0);
	put(t, 2, "");
	crash_and_open(t, &from);
	assert_int_equal(found(t, from, ids, 2), 1);
	assert_int_equal(ids[0], 2);
}

static void a_torn_checkpoint_leaves_the_one_before(void **state)
{
	struct files *t = *state;
	struct journal_place from;
	const size_t first =
		48; /* of the head, behind what its checksum covers: both slots are 24 bytes */
	size_t hit = 0;

	put(t, 1, "");
	assert_int_equal(journal_file_checkpoint(&t->f, &t->f.head), 0);
	put(t, 2, "");
	assert_int_equal(journal_file_checkpoint(&t->f, &t->f.head), 0);
	for (size_t slot = 0; slot < 2; slot++) {
		uint8_t *p = t->f.map + first + slot * 24;

		*p ^= 0xff;
		crash_and_open(t, &from);
		hit += found(t, from, NULL, 0);
		p = t->f.map + first + slot * 24;
		*p ^= 0xff;
	}
	assert_int_equal(
		hit, 1); /* without the newer one record 2 is read again; without the older none */
}

static void a_full_journal_refuses_until_space_is_freed(void **state)
{
	struct files *t = *state;
	struct call_record c = {.tenant_id = 5, .id = 1};
	unsigned n = 0;
	int err;

	while (!(err = journal_file_write(&t->f, RECORD_CALL, &c, sizeof(c))))
		n++;
	assert_int_equal(err, ENOSPC);
	assert_in_range(n, 10000, 25000);
	assert_int_equal(journal_file_checkpoint(&t->f, &t->f.head), 0);
	assert_int_equal(journal_file_write(&t->f, RECORD_CALL, &c, sizeof(c)), 0);
}

static void every_round_of_the_ring_reads_back(void **state)
{
	struct files *t = *state;
	struct journal_place at = t->start, from;
	uint8_t blob[3000];
	uint64_t written = 0, read = 0;
	struct journal_record r;

	/* Some forty times around, with lengths that meet the end at ever other places; nothing that packing would shorten. */
	memset(blob, 0xa5, sizeof(blob));
	for (unsigned i = 0; i < 30000; i++) {
		struct kept_head head = {.tenant_id = 1, .leg_id = i};
		size_t n = sizeof(head) + i * 37 % 2900;

		memcpy(blob, &head, sizeof(head));
		while (journal_file_write(&t->f, RECORD_LEG_KEPT, blob, n)) {
			while (!journal_file_next(&t->f, &at, t->f.published, &r)) {
				memcpy(&head, r.p, sizeof(head));
				assert_int_equal(head.leg_id, read);
				assert_int_equal(r.n, sizeof(head) + read * 37 % 2900);
				read++;
			}
			assert_int_equal(read, written);
			assert_int_equal(journal_file_checkpoint(&t->f, &at), 0);
		}
		written++;
		if (i % 1000 == 0)
			assert_int_equal(journal_file_sync(&t->f, true), 0);
	}
	crash_and_open(t, &from);
	assert_int_equal(from.pos, at.pos);
	while (!journal_file_next(&t->f, &from, UINT64_MAX, &r))
		read++;
	assert_int_equal(read, written); /* and nothing of an earlier round */
}

static void another_file_is_not_taken_for_a_journal(void **state)
{
	struct files *t = *state;
	struct journal_file other;
	struct journal_place from;

	t->f.map[9] ^= 1; /* the version */
	assert_int_equal(journal_file_open(&other, t->path, &from), EBADMSG);
	t->f.map[9] ^= 1;
	assert_int_equal(journal_file_open(&other, t->path, &from), 0);
	journal_file_close(&other);
	assert_int_equal(truncate(t->path, 5000), 0);
	assert_int_equal(journal_file_open(&other, t->path, &from), EBADMSG);
	assert_int_equal(journal_file_open(&other, "/nonexistent/journal", &from), ENOENT);
	assert_int_equal(truncate(t->path, RING_AT + JOURNAL_MIN_BYTES), 0);
}

static void the_alive_mark_survives(void **state)
{
	struct files *t = *state;
	struct journal_place from;

	journal_file_alive(&t->f, 1234567);
	crash_and_open(t, &from);
	assert_int_equal(journal_file_alive_at(&t->f), 1234567);
}

static void a_write_costs_microseconds(void **state)
{
	struct files *t = *state;
	struct call_record c = {.tenant_id = 5, .id = 1, .started_at = 1700000000000000};
	const unsigned n = 5000;
	uint64_t start;

	strcpy(c.caller, "101");
	strcpy(c.callee, "102");
	strcpy(c.sip_call_id, "2a7d1c95-4f0b-4c1d-9c5e-0123456789ab@192.0.2.1");
	start = clock_mono_us(clock_real());
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(journal_file_write(&t->f, RECORD_CALL, &c, sizeof(c)), 0);
	start = clock_mono_us(clock_real()) - start;
	print_message("%.2f us a record\n", (double)start / n);
	assert_true(start < n * 100); /* sanitizers and a busy machine included */
}

/* ---- what it is made of ---- */

static void checksums_are_those_of_the_standard(void **state)
{
	uint8_t zeroes[32] = {0}, ones[32], up[32];

	memset(ones, 0xff, sizeof(ones));
	for (unsigned i = 0; i < sizeof(up); i++)
		up[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, zeroes, 32), 0x8a9136aa); /* RFC 3720 B.4 */
	assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43);
	assert_int_equal(crc32c(0, up, 32), 0x46dd794e);
	for (size_t n = 0; n <= 32; n++) {
		assert_int_equal(crc32c(5, up, n), crc32c_portable(5, up, n));
		assert_int_equal(crc32c(crc32c(0, up, n), up + n, 32 - n), 0x46dd794e);
	}
}

static struct contact_record full_contact(void)
{
	struct contact_record c = {.tenant_id = UINT64_MAX >> 1, .id = 2};

	for (size_t i = 0; i < record_tables[RECORD_CONTACT].nfields; i++) {
		const struct field *f = &record_tables[RECORD_CONTACT].fields[i];
		char *at = (char *)&c + f->offset;
		int64_t v = i % 2 ? INT64_MIN + (int64_t)i : INT64_MAX - (int64_t)i;

		if (f->kind == FIELD_CHARS)
			memset(at, 'a' + (int)i, (size_t)f->max);
		else
			memcpy(at, &v, sizeof(v));
	}
	return c;
}

static void a_full_record_survives_packing(void **state)
{
	const struct record_table *t = &record_tables[RECORD_CONTACT];
	struct contact_record c = full_contact(), back;
	uint8_t *packed = malloc(pack_bound(t));
	char text[PACK_NAMES_BYTES];
	struct pack_names names;
	size_t n;

	assert_int_equal(pack_names_write(text), 0);
	pack_names_read(&names, text);
	n = pack_record(t, &c, packed);
	assert_true(n <= pack_bound(t));
	assert_int_equal(pack_read(&names, RECORD_CONTACT, &back, packed, n), 0);
	assert_memory_equal(&c, &back, sizeof(c));
	assert_int_equal(pack_peek(&names, RECORD_CONTACT,
				   offsetof(struct contact_record, expires_at), packed, n),
			 c.expires_at);
	/* Any shorter it is either refused or a record with fewer fields: never read beyond. */
	for (size_t i = 0; i < n; i++) {
		uint8_t *cut = malloc(i ? i : 1);
		int err;

		memcpy(cut, packed, i);
		err = pack_read(&names, RECORD_CONTACT, &back, cut, i);
		assert_true(!err || err == EBADMSG);
		free(cut);
	}
	free(packed);
}

static void what_is_kept_of_a_leg_survives_packing(void **state)
{
	enum { HEAD = sizeof(struct kept_head), MOST = HEAD + 8 * 300 };
	struct kept_head head = {.version = 1, .tenant_id = 2, .leg_id = 3};
	uint8_t kept[MOST], packed[MOST], back[MOST];

	/* Of every length, one byte in 40 set, then one in 4: where that would be longer it stays as it is. */
	for (size_t size = HEAD; size <= MOST; size++)
		for (size_t step = 4; step <= 40; step += 36) {
			size_t n;

			head.size = (uint32_t)size;
			memset(kept, 0, size);
			memcpy(kept, &head, HEAD);
			for (size_t i = HEAD; i < size; i += step)
				kept[i] = (uint8_t)(i | 1);
			n = pack_kept(kept, size, packed);
			assert_true(n <= size);
			if (step == 40 && size > HEAD + 400 && (size - HEAD) % 8 == 0)
				assert_true(n < size / 2);
			memset(back, 0xff, size);
			assert_int_equal(unpack_kept(packed, n, back, size), 0);
			assert_memory_equal(back, kept, size);
		}
}

static void a_damaged_pack_of_a_leg_is_refused(void **state)
{
	enum { HEAD = sizeof(struct kept_head), SIZE = HEAD + 8 * 100 };
	uint8_t kept[SIZE] = {0}, packed[SIZE], back[SIZE];
	size_t n;

	kept[HEAD + 8 * 70] = kept[HEAD + 8 * 99] = 1;
	n = pack_kept(kept, SIZE, packed);
	assert_int_equal(n, HEAD + 8 * 4);
	for (size_t i = 0; i <= SIZE; i++) {
		uint8_t *cut = calloc(1, i ? i : 1);

		memcpy(cut, packed, i < n ? i : n);
		assert_int_equal(unpack_kept(cut, i, back, SIZE),
				 i == n || i == SIZE ? 0 : EBADMSG);
		free(cut);
	}
}

static void an_older_programs_fields_find_their_place(void **state)
{
	const struct record_table *t = &record_tables[RECORD_SEGMENT];
	struct segment_record s = {.tenant_id = 1, .id = 2, .call_id = 3, .started_at = 4}, back;
	uint8_t packed[4096];
	char text[PACK_NAMES_BYTES] = "";
	struct pack_names names;
	size_t n = pack_record(t, &s, packed);

	/* As if the file's table had its fields in another order, and one that is gone. */
	strcpy(text, "segment_record:");
	for (size_t i = 0; i < t->nfields; i++) {
		const char *name = t->fields[i].name;

		if (strcmp(name, "call_id") == 0)
			name = "started_at";
		else if (strcmp(name, "started_at") == 0)
			name = "no_longer_there";
		strcat(strcat(text, i ? "," : ""), name);
	}
	pack_names_read(&names, text);
	assert_int_equal(pack_read(&names, RECORD_SEGMENT, &back, packed, n), 0);
	assert_int_equal(back.started_at, 3);
	assert_int_equal(back.call_id, 0);
	assert_int_equal(back.id, 2);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_written_is_found_in_order),
		T(an_empty_journal_holds_nothing),
		T(reading_stops_at_the_first_torn_record),
		T(what_is_in_the_database_is_not_read_again),
		T(a_torn_checkpoint_leaves_the_one_before),
		T(a_full_journal_refuses_until_space_is_freed),
		T(every_round_of_the_ring_reads_back),
		T(another_file_is_not_taken_for_a_journal),
		T(the_alive_mark_survives),
		T(a_write_costs_microseconds),
		cmocka_unit_test(checksums_are_those_of_the_standard),
		cmocka_unit_test(a_full_record_survives_packing),
		cmocka_unit_test(what_is_kept_of_a_leg_survives_packing),
		cmocka_unit_test(a_damaged_pack_of_a_leg_is_refused),
		cmocka_unit_test(an_older_programs_fields_find_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
