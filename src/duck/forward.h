#pragma once

/// For headers that only hand these on.
namespace windrow::duck {

class Connection;
class Database;
struct Options;

}  // namespace windrow::duck
