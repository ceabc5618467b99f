/*
 * MR_ASSERT(condition): a check of our own logic, active in test builds only
 * (-DUSE_ASSERT_CHECKING). A server in production never stops on one: there the
 * code after it must do nothing and report.
 */
#ifndef MR_ASSERT_H
#define MR_ASSERT_H

#ifdef USE_ASSERT_CHECKING
#include <assert.h>
#define MR_ASSERT(condition) assert(condition)
#else
#define MR_ASSERT(condition) ((void) 0)
#endif

#endif /* MR_ASSERT_H */
