#pragma once

#include <string>

#include "storage/file_system.h"

/// Whole folders: moved to another place, removed.
namespace windrow::storage {

/// Moves a folder with everything in it to where there is nothing yet. On local disk that is one
/// step; Error(conflict) where something is there. Elsewhere files are copied one by one and then
/// removed, those of `last` (a folder below `from`) after all others: killed anywhere and called
/// again it ends the same, as long as nobody writes there. Whoever calls keeps readers away.
void move_folder(FileSystem& files, const std::string& from, const std::string& to,
                 const std::string& last = {});

/// Removes a folder with everything in it, the files of `first` (a folder below it) before all
/// others, the greatest names first. Not an error where there is none. Of a symbolic link only the
/// link goes.
void remove_folder(FileSystem& files, const std::string& folder, const std::string& first = {});

}  // namespace windrow::storage
