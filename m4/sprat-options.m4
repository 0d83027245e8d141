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
