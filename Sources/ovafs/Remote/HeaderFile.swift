// Headers that a user gives in a file.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import RemoteSources
import SystemPackage

/// A file of header lines, `Name: value`, as curl takes it. What is in it is a secret.
enum HeaderFile {
    /// In bytes.
    private static let mostByteCount: UInt64 = 64 << 10

    /// The headers in the file at `path`; `warn` is told where others can read it.
    /// - Throws: `CommandFailure` where it cannot be read, or a line is no header.
    static func headers(at path: FilePath, warn: (String) -> Void) throws -> [HTTPHeader] {
        let file: LocalFile
        do throws(ReadError) {
            file = try LocalFile(path: path)
        } catch {
            // A file that an option names and that cannot be used is a mistake in the option.
            throw CommandFailure(status: .wrongUsage, message: "the file of headers: \(error)")
        }
        guard file.byteCount <= mostByteCount else {
            throw CommandFailure(
                status: .wrongUsage, message: "\(path): a file of headers has at most \(mostByteCount) bytes")
        }
        if FileStatus.isOpenToOthers(path) {
            warn("\(path) can be read by others; 'chmod 600' keeps what is in it secret")
        }
        let bytes: [UInt8]
        do throws(ReadError) {
            bytes = try file.bytes(Int(file.byteCount), at: 0)
        } catch {
            throw CommandFailure(status: .wrongUsage, message: "the file of headers: \(error)")
        }
        var headers: [HTTPHeader] = []
        for (number, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            guard line.contains(where: { $0 != UInt8(ascii: " ") }) else { continue }
            guard let header = header(line) else {
                // The line itself may be a secret.
                throw CommandFailure(
                    status: .wrongUsage,
                    message: "\(path), line \(number + 1): not a header; write 'Name: value'")
            }
            headers.append(header)
        }
        return headers
    }

    private static func header(_ line: ArraySlice<UInt8>) -> HTTPHeader? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let value = line[(colon + 1)...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        return try? HTTPHeader(
            String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self),
            isSecret: true)
    }
}
