#pragma once

/// For headers that only hand these on.
namespace windrow::duck {

class Connection;
class Database;

}  // namespace windrow::duck
