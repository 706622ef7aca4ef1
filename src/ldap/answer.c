/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ldap/answer.h"
#include <errno.h>
#include <stdio.h>

static void take_bytes(struct buf *out, BerElement *ber)
{
	struct berval bv;

	if (ber_flatten2(ber, &bv, 0) < 0)
		out->err = ENOMEM;
	else
		buf_add(out, bv.bv_val, bv.bv_len);
	ber_free(ber, 1);
}

static BerElement *begin(struct buf *out)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER);

	if (!ber)
		out->err = ENOMEM;
	return ber;
}

static void write_page(struct buf *out, BerElement *to, struct str cookie)
{
	struct berval bv = {.bv_len = cookie.n, .bv_val = (char *)(cookie.n ? cookie.p : "")};
	BerElement *ber = begin(out);
	struct buf value = {0};

	if (!ber)
		return;
	(void)ber_printf(ber, "{iON}", 0, &bv);
	take_bytes(&value, ber);
	bv = (struct berval){.bv_len = value.n, .bv_val = value.p};
	(void)ber_printf(to, "t{{sON}N}", (ber_tag_t)0xa0, LDAP_PAGED_OID, &bv);
	if (value.err)
		out->err = value.err;
	buf_free(&value);
}

void ldap_write_result(struct buf *out, const struct ldap_result *r)
{
	BerElement *ber = begin(out);

	if (!ber)
		return;
	(void)ber_printf(ber, "{it{ess", r->id, (ber_tag_t)r->tag, (int)r->code, "",
			 r->text ? r->text : "");
	if (r->oid)
		(void)ber_printf(ber, "ts", (ber_tag_t)0x8a, r->oid);
	(void)ber_printf(ber, "N}");
	if (r->is_paged)
		write_page(out, ber, r->cookie);
	(void)ber_printf(ber, "N}");
	take_bytes(out, ber);
}

/* ---- entries ---- */

static bool is_same_attribute(struct str asked, const char *name)
{
	const struct directory_attribute *a = directory_attribute(asked);

	if (str_ieq(asked, str_of(name)))
		return true;
	return a ? !strcmp(a->name, name)
		 : directory_is_class_name(asked) && !strcmp(name, "objectClass");
}

/* RFC 4511 4.5.1.8: none named is all, as is "*"; "1.1" alone is none. */
static bool is_wanted(const struct ldap_request *r, const char *name)
{
	for (size_t i = 0; i < r->search.nnames; i++)
		if (str_eq(r->search.names[i], STR("*")) ||
		    is_same_attribute(r->search.names[i], name))
			return true;
	return !r->search.nnames;
}

void ldap_write_entry(struct buf *out, const struct ldap_request *r, struct str dn,
		      const struct ldap_value *values, size_t n)
{
	struct berval name = {.bv_len = dn.n, .bv_val = (char *)(dn.n ? dn.p : "")};
	BerElement *ber = begin(out);

	if (!ber)
		return;
	(void)ber_printf(ber, "{it{O{", r->id, (ber_tag_t)LDAP_ENTRY_TAG, &name);
	for (size_t i = 0; i < n; i++) {
		if (!is_wanted(r, values[i].name))
			continue;
		(void)ber_printf(ber, "{s[", values[i].name);
		for (const char *const *v = values[i].values; !r->search.types_only && *v; v++)
			(void)ber_printf(ber, "s", *v);
		(void)ber_printf(ber, "]N}");
	}
	(void)ber_printf(ber, "N}N}N}");
	take_bytes(out, ber);
}

static void write_dn(struct buf *dn, int kind, const char *id, struct str base)
{
	static const char *const names[] = {
		[DIRECTORY_EXTENSION] = "extension", [DIRECTORY_CONTACT] = "contact"};

	if (kind != DIRECTORY_TENANT)
		buf_printf(dn, "uid=%s-%s,", names[kind], id);
	buf_str(dn, base);
}

void ldap_write_found(struct buf *out, const struct ldap_request *r, struct str base,
		      const json_t *item)
{
	const int kind = (int)json_integer_value(json_object_get(item, "kind"));
	const char *texts[32][2] = {{NULL}};
	struct ldap_value values[33];
	struct buf dn = {0};
	size_t n = 0;

	values[n++] =
		(struct ldap_value){"objectClass", directory_classes((enum directory_kind)kind)};
	for (size_t i = 0; i < directory_nattributes; i++) {
		const char *name = directory_attributes[i].name;
		const char *v = json_string_value(json_object_get(item, name));

		if (!v)
			continue;
		texts[i][0] = v;
		values[n++] = (struct ldap_value){name, texts[i]};
	}
	write_dn(&dn, kind, json_string_value(json_object_get(item, "id")), base);
	if (dn.err)
		out->err = dn.err;
	else
		ldap_write_entry(out, r, buf_view(&dn), values, n);
	buf_free(&dn);
}
