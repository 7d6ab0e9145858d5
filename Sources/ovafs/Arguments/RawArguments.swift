// The program's arguments as the bytes that they are.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import Glibc
import SystemPackage

/// Names of files are bytes. The parser of arguments takes them for text, in which U+FFFD stands for what is no
/// UTF-8; here are the bytes that stood there.
enum RawArguments {
    /// The path that the user wrote as an argument, or behind an option's name, which reads as `text`.
    /// - Throws: as `bytes`.
    static func path(_ text: String) throws -> FilePath {
        FilePath(bytes: try bytes(text))
    }

    /// The bytes that the user wrote as an argument, or behind an option's name (`--map=FILE`, `-oLIST`), which reads as
    /// `text`.
    /// - Throws: `CommandFailure` where it cannot be told which: two arguments that are not the same read so, or none.
    static func bytes(_ text: String) throws -> [UInt8] {
        try bytes(text, among: all)
    }

    /// As above, where these are the arguments.
    static func bytes(_ text: String, among arguments: [[UInt8]]) throws -> [UInt8] {
        guard text.unicodeScalars.contains("\u{fffd}") else { return Array(text.utf8) }
        let found = Set(arguments.compactMap { bytes(of: text, in: $0) })
        guard let bytes = found.first else {
            throw CommandFailure(
                status: .wrongUsage,
                message: "'\(text)' is not UTF-8: write it as an argument of its own")
        }
        guard found.count == 1 else {
            throw CommandFailure(
                status: .wrongUsage, message: "two arguments read as '\(text)'; use names in UTF-8")
        }
        return bytes
    }

    /// Each argument's bytes, the program's name first.
    static var all: [[UInt8]] {
        (0..<Int(CommandLine.argc)).compactMap { index in
            // SAFETY: the list has `argc` strings, which live as long as the process.
            unsafe CommandLine.unsafeArgv[index].map { start in
                unsafe Array(UnsafeRawBufferPointer(start: start, count: strlen(start)))
            }
        }
    }

    /// The bytes in `argument` that read as `text`: all of them, or those behind an option's name.
    private static func bytes(of text: String, in argument: [UInt8]) -> [UInt8]? {
        let read = Array(String(decoding: argument, as: UTF8.self).utf8)
        let wanted = Array(text.utf8)
        guard read != wanted else { return argument }
        let prefix = read.dropLast(wanted.count)
        // What stands before is ASCII, so it is as long in the argument.
        guard prefix + wanted == read[...], prefix.allSatisfy({ $0 < 0x80 }),
            prefix.last == UInt8(ascii: "=") || prefix.elementsEqual("-o".utf8)
        else { return nil }
        return Array(argument.dropFirst(prefix.count))
    }
}
