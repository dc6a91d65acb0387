#pragma once

#include <string>

/// What a project keeps for itself (history with samples of failing rows, logs, spilled rows) is
/// for the eyes of the user who runs windrow alone. What cannot be made or narrowed is left to
/// whoever writes there next, who meets the same failure and says it.
namespace windrow::storage {

/// A folder that only its owner may enter (0700), made where it is not there, and so are those
/// above it that are missing. One that is there stays as it is: it may be for others too.
void make_private_folder(const std::string& folder);
/// The same for a file (0600): made empty, or narrowed where it is there and the user's own.
void make_private_file(const std::string& path);
/// Takes away what group and others may do with a file or folder of the user's own; follows no
/// link.
void narrow(const std::string& path);

}  // namespace windrow::storage
