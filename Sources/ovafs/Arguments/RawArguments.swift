// The program's arguments as the bytes that they are.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import Glibc
import SystemPackage

/// Names of files are bytes. The parser of arguments takes them for text, in which U+FFFD stands for what is no
/// UTF-8; here are the bytes that stood there.
enum RawArguments {
    /// The path that the user wrote as an argument, or behind the `=` of an option, which reads as `text`.
    /// - Throws: `CommandFailure` where two arguments that are not the same read so.
    static func path(_ text: String) throws -> FilePath {
        FilePath(bytes: try bytes(text))
    }

    /// The bytes that the user wrote as an argument, or behind the `=` of an option, which reads as `text`.
    /// - Throws: `CommandFailure` where two arguments that are not the same read so.
    static func bytes(_ text: String) throws -> [UInt8] {
        guard text.unicodeScalars.contains("\u{fffd}") else { return Array(text.utf8) }
        let found = Set(all.compactMap { bytes(of: text, in: $0) })
        guard found.count <= 1 else {
            throw CommandFailure(
                status: .wrongUsage, message: "two arguments read as '\(text)'; use names in UTF-8")
        }
        return found.first ?? Array(text.utf8)
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

    /// The bytes in `argument` that read as `text`: all of them, or those behind a `=`.
    private static func bytes(of text: String, in argument: [UInt8]) -> [UInt8]? {
        let read = Array(String(decoding: argument, as: UTF8.self).utf8)
        let wanted = Array(text.utf8)
        guard read != wanted else { return argument }
        let prefix = read.dropLast(wanted.count)
        // What stands before is ASCII, so it is as long in the argument.
        guard prefix + wanted == read[...], prefix.last == UInt8(ascii: "="), prefix.allSatisfy({ $0 < 0x80 })
        else { return nil }
        return Array(argument.dropFirst(prefix.count))
    }
}
