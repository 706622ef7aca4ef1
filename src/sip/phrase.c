/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/sip.h"

static const struct phrase {
	uint16_t status;
	const char *text;
} phrases[] = {
#define X(status, text) {status, text},
#include "sip/status.def"
#undef X
};

const char *sip_reason_phrase(unsigned status)
{
	static const char *const classes[] = {
		"Trying",      "Session Progress",	"OK",	  "Multiple Choices",
		"Bad Request", "Server Internal Error", "Decline"};
	size_t low = 0, high = ARRAY_LEN(phrases);

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (phrases[mid].status == status)
			return phrases[mid].text;
		if (phrases[mid].status < status)
			low = mid + 1;
		else
			high = mid;
	}
	return classes[status / 100 < ARRAY_LEN(classes) ? status / 100 : 0];
}
