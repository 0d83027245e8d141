dnl The build switches and our own compiler flags. They live in AM_CFLAGS and AM_LDFLAGS;
dnl CFLAGS and LDFLAGS belong to the user and are never touched.

AC_DEFUN([SPRAT_ADD_CFLAG],
  [AS_VAR_PUSHDEF([cv], [sprat_cv_cflag_$1])
   AC_CACHE_CHECK([whether $CC takes $1], [cv],
     [sprat_save=$CFLAGS
      CFLAGS="$CFLAGS -Werror $1"
      AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [AS_VAR_SET([cv], [yes])], [AS_VAR_SET([cv], [no])])
      CFLAGS=$sprat_save])
   AS_VAR_IF([cv], [yes], [AS_VAR_APPEND([SPRAT_CFLAGS], [" $1"])])
   AS_VAR_POPDEF([cv])])

AC_DEFUN([SPRAT_OPTIONS], [
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [warnings are errors])])
AC_ARG_ENABLE([sanitizers],
  [AS_HELP_STRING([--enable-sanitizers], [build with AddressSanitizer and UndefinedBehaviorSanitizer])])
AC_ARG_ENABLE([fuzzing],
  [AS_HELP_STRING([--enable-fuzzing], [build the fuzz targets with libFuzzer (needs CC=clang)])])
AC_ARG_ENABLE([coverage], [AS_HELP_STRING([--enable-coverage], [instrument for gcov])])

SPRAT_CFLAGS="-std=gnu17 -pthread"
SPRAT_LDFLAGS="-pthread"
m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wstrict-prototypes
  -Wmissing-prototypes -Wold-style-definition -Wwrite-strings -Wundef -Wvla -Wformat=2
  -Wimplicit-fallthrough -fno-common -fstack-protector-strong],
  [SPRAT_ADD_CFLAG(flag)])
AS_IF([test "x$enable_werror" = xyes], [SPRAT_CFLAGS="$SPRAT_CFLAGS -Werror"])
AS_IF([test "x$enable_sanitizers" = xyes],
  [SPRAT_CFLAGS="$SPRAT_CFLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
   SPRAT_LDFLAGS="$SPRAT_LDFLAGS -fsanitize=address,undefined"])
AS_IF([test "x$enable_coverage" = xyes],
  [SPRAT_CFLAGS="$SPRAT_CFLAGS --coverage"
   SPRAT_LDFLAGS="$SPRAT_LDFLAGS --coverage"])
SPRAT_FUZZ_LDFLAGS=
AS_IF([test "x$enable_fuzzing" = xyes],
  [SPRAT_CFLAGS="$SPRAT_CFLAGS -fsanitize=fuzzer-no-link"
   SPRAT_FUZZ_LDFLAGS="-fsanitize=fuzzer"
   AC_LINK_IFELSE([AC_LANG_PROGRAM()], [],
     [AC_MSG_ERROR([--enable-fuzzing needs clang: configure CC=clang])])])
AM_CONDITIONAL([FUZZING], [test "x$enable_fuzzing" = xyes])
AC_SUBST([SPRAT_CFLAGS])
AC_SUBST([SPRAT_LDFLAGS])
AC_SUBST([SPRAT_FUZZ_LDFLAGS])
])

dnl Multi-buffer SHA-256. Optional: OpenSSL does it all where the library is not there or not wanted.
dnl It has no .pc file, and other builds of it lack the paths that we ask for, so it is tried by linking.
AC_DEFUN([SPRAT_IPSEC_MB], [
AC_ARG_WITH([ipsec-mb],
  [AS_HELP_STRING([--with-ipsec-mb=auto|yes|no],
    [hash many blocks at once with Intel's libipsec-mb (auto: if it is there)])],
  [], [with_ipsec_mb=auto])
AC_SUBST([IPSEC_MB_LIBS], [])
AS_IF([test "x$with_ipsec_mb" != xno],
  [AC_CACHE_CHECK([for libipsec-mb], [sprat_cv_ipsec_mb],
     [sprat_save=$LIBS
      LIBS="-lIPSec_MB $LIBS"
      AC_LINK_IFELSE(
        [AC_LANG_PROGRAM([[#define NO_COMPAT_IMB_API_053 1
#include <intel-ipsec-mb.h>]],
          [[IMB_MGR *m = alloc_mb_mgr(IMB_FLAG_SHANI_OFF);
            IMB_JOB *j;
            init_mb_mgr_sse(m), init_mb_mgr_avx2(m), init_mb_mgr_avx512(m);
            return (int)IMB_GET_NEXT_BURST(m, 1, &j) + m->imb_errno;]])],
        [sprat_cv_ipsec_mb=yes], [sprat_cv_ipsec_mb=no])
      LIBS=$sprat_save])
   AS_IF([test "$sprat_cv_ipsec_mb" = yes],
     [IPSEC_MB_LIBS=-lIPSec_MB
      AC_DEFINE([HAVE_IPSEC_MB], [1], [Define to 1 if libipsec-mb is there.])],
     [test "x$with_ipsec_mb" = xyes],
     [AC_MSG_ERROR([libipsec-mb was not found. On Debian: apt-get install libipsec-mb-dev])])])
])

dnl Where systemd's units and users are installed: below the prefix, so that make install touches nothing else; packages
dnl say where the system has them.
AC_DEFUN([SPRAT_SYSTEMD], [
AC_ARG_WITH([systemdsystemunitdir],
  [AS_HELP_STRING([--with-systemdsystemunitdir=DIR],
    [where systemd units go (PREFIX/lib/systemd/system), or no: none, and neither of the two below])],
  [], [with_systemdsystemunitdir=yes])
AC_ARG_WITH([systemduserunitdir],
  [AS_HELP_STRING([--with-systemduserunitdir=DIR], [where units of users go (PREFIX/lib/systemd/user)])],
  [], [with_systemduserunitdir='${prefix}/lib/systemd/user'])
AC_ARG_WITH([sysusersdir],
  [AS_HELP_STRING([--with-sysusersdir=DIR], [where system users are declared (PREFIX/lib/sysusers.d)])],
  [], [with_sysusersdir='${prefix}/lib/sysusers.d'])
AS_IF([test "x$with_systemdsystemunitdir" = xyes], [with_systemdsystemunitdir='${prefix}/lib/systemd/system'])
AC_SUBST([systemdsystemunitdir], [$with_systemdsystemunitdir])
AC_SUBST([systemduserunitdir], [$with_systemduserunitdir])
AC_SUBST([sysusersdir], [$with_sysusersdir])
AM_CONDITIONAL([HAVE_SYSTEMD_UNITS], [test "x$with_systemdsystemunitdir" != xno])
])
