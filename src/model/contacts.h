/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose number is it?  An extension's personal contacts, and those of the phone books that it sees (WEB-3).
 *
 * Numbers are the same when their digits are, without zeros in front; or when one of at least seven digits ends the other, as
 * "020 7946 0001" ends "+44 20 7946 0001".  The same digits go before an ending, a personal contact before a phone book's,
 * the older before the newer.
 *
 * Thread     the model's
 */
#ifndef MODEL_CONTACTS_H
#define MODEL_CONTACTS_H

#include "model/model.h"

/* "First Last", or the company; false: nobody that the extension knows, and dst is as it was. */
bool model_contact_name(const struct model *m, const struct extension *seer, struct str number,
			char *dst, size_t dst_bytes);

#endif
