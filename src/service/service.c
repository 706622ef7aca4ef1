/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/service.h"

int services_register_all(struct calls *cs)
{
	static const struct owner_kind *const all[] = {
		&service_ring_group, &service_echo,   &service_tone,	    &service_record_test,
		&service_mix,	     &service_page,   &service_page_listen, &service_speak,
		&service_disa,	     &service_switch, &service_refusal,	    &service_ask_number,
		&service_ask_pin};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		int err = calls_register_service(cs, all[i]);

		if (err)
			return err;
	}
	return 0;
}
