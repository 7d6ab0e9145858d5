// The values of mount options: users, permissions, sizes.
// SPDX-License-Identifier: Apache-2.0

import Glibc

extension MountOptions {
    /// The option `uid`: a number, or a name that the system knows.
    static func user(_ value: String?) throws -> UInt32 {
        if let number = try number(value, of: "uid") { return number }
        guard let userID = value.flatMap(userID) else {
            throw wrong("uid", value, "a number or the name of a user")
        }
        return userID
    }

    private static func userID(named name: String) -> UInt32? {
        unsafe getpwnam(name).map { unsafe $0.pointee.pw_uid }
    }

    /// The option `gid`, likewise.
    static func group(_ value: String?) throws -> UInt32 {
        if let number = try number(value, of: "gid") { return number }
        guard let value, let entry = unsafe getgrnam(value) else {
            throw wrong("gid", value, "a number or the name of a group")
        }
        return unsafe entry.pointee.gr_gid
    }

    /// The option `run_as`: a user that the system knows, with the group that goes with it, for a mount that root makes.
    static func serverUser(_ value: String?) throws -> SandboxUser {
        guard let value, let userID = try number(value, of: "run_as") ?? Self.userID(named: value) else {
            throw wrong("run_as", value, "the name or number of a user that the system knows")
        }
        guard getuid() == 0 else {
            throw CommandFailure(
                status: .wrongUsage, message: "option 'run_as' is for root: without it the server is yours")
        }
        guard let entry = unsafe getpwuid(userID) else {
            throw wrong("run_as", value, "the name or number of a user that the system knows")
        }
        return SandboxUser(
            name: unsafe String(cString: entry.pointee.pw_name), userID: unsafe entry.pointee.pw_uid,
            groupID: unsafe entry.pointee.pw_gid)
    }

    /// Permission bits in octal.
    static func permissions(_ value: String?, of name: String) throws -> UInt32 {
        guard let value, let bits = UInt32(value, radix: 8), value.first != "+", bits <= 0o777 else {
            throw wrong(name, value, "an octal number up to 777")
        }
        return bits
    }

    /// An identifier in digits; nil where it is a name. The largest number means "no one" to the kernel.
    private static func number(_ value: String?, of name: String) throws -> UInt32? {
        guard let value, let first = value.utf8.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
        else { return nil }
        guard let number = UInt32(value), number != .max else {
            throw wrong(name, value, "a number below \(UInt32.max)")
        }
        return number
    }

    static func wrong(_ name: String, _ value: String?, _ wanted: String) -> CommandFailure {
        let problem =
            if let value, !value.isEmpty {
                "takes \(wanted), not '\(value)'"
            } else {
                "needs a value: \(wanted)"
            }
        return CommandFailure(status: .wrongUsage, message: "option '\(name)' \(problem)")
    }
}
