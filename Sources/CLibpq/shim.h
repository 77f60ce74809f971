#ifndef KEYMETER_CLIBPQ_SHIM_H
#define KEYMETER_CLIBPQ_SHIM_H

#include <libpq-fe.h>

#endif
