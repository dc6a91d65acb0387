#include <cstdio>

// Prints the version until `cli/` arrives, which brings the verbs.
int main() {
  std::printf("windrow %s\n", WINDROW_VERSION);
  return 0;
}
