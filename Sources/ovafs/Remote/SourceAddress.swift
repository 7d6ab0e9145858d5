// SOURCE arguments that are addresses.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import RemoteSources

/// Tells addresses from paths, and shows them without secrets.
enum SourceAddress {
    /// The address that `argument` is; nil where it is a path.
    /// - Throws: `CommandFailure` where it begins as an address does and is none.
    static func parse(_ argument: String) throws -> WebAddress? {
        guard looksLikeOne(argument) else { return nil }
        do throws(AddressError) {
            return try WebAddress(argument)
        } catch {
            throw CommandFailure(status: .wrongUsage, message: "the source's address \(error.reason)")
        }
    }

    /// `argument` as it may be shown: of an address no user, password and query.
    static func shown(_ argument: String) -> String {
        guard looksLikeOne(argument) else { return argument }
        return (try? WebAddress(argument)).map { "\($0)" } ?? "the source"
    }

    /// Writes over what is secret in the arguments of this process, which everyone can read, for as long as it runs.
    /// Nothing may look for them afterwards.
    static func hideSecretsInArguments() {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            // SAFETY: the list has `argc` strings, which live as long as the process and are its own to change.
            guard let start = unsafe CommandLine.unsafeArgv[index] else { continue }
            let text = unsafe String(cString: start)
            let shown = Array(shown(text).utf8)
            guard Array(text.utf8) != shown else { continue }
            let byteCount = unsafe strlen(start)
            for offset in 0..<byteCount {
                unsafe start[offset] = CChar(bitPattern: offset < shown.count ? shown[offset] : 0)
            }
        }
    }

    /// What stands before `://` in an argument, where that is another scheme than http and https; nil where nothing does.
    static func otherScheme(of argument: String) -> String? {
        guard !looksLikeOne(argument), let range = argument.firstRange(of: "://") else { return nil }
        let scheme = argument[..<range.lowerBound]
        guard scheme.first?.isLetter == true,
            scheme.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) })
        else { return nil }
        return String(scheme)
    }

    private static func looksLikeOne(_ argument: String) -> Bool {
        let start = argument.prefix(8).lowercased()
        return start.hasPrefix("http://") || start == "https://"
    }
}
