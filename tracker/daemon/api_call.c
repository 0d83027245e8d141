/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers of the API, and pages of lists.
 */
#include "tracker/daemon/api_call.h"

int
api_answer(struct api_call *c, int status, json_t *answer)
{
    c->status = status;
    c->answer = answer;
    return answer != NULL ? 0 : SPRAT_E_NOMEM;
}

int
api_page_begin(struct api_page *p, const struct api_call *c)
{
    *p = (struct api_page){.items = json_array(), .limit = c->limit};
    return p->items != NULL ? 0 : SPRAT_E_NOMEM;
}

int
api_page_add(struct api_page *p, json_t *item)
{
    if (json_array_size(p->items) == p->limit) {
        p->more = true;
        json_decref(item);
        return 0;
    }
    return json_array_append_new(p->items, item) == 0 ? 0 : SPRAT_E_NOMEM;
}

int
api_page_end(struct api_page *p, struct api_call *c, int err)
{
    if (err != 0) {
        json_decref(p->items);
        return err;
    }
    return api_answer(c, 200, json_pack("{s:o, s:b}", "items", p->items, "more", p->more));
}
