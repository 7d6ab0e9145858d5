// Why a disk could not be copied.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import SystemPackage

/// A copy that failed at one of its two ends.
package enum CopyError: Error, Equatable {
    /// The disk could not be read.
    case source(ReadError)
    /// A system call on the output failed with `errno`.
    case output(call: String, errno: CInt)
}

extension CopyError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .source(let error): error.description
        case .output(let call, let errno): ReadError.system(call: call, errno: errno).description
        }
    }
}

extension CopyError {
    /// A system call on the output that failed, from swift-system's error.
    static func output(call: String, _ error: any Error) -> CopyError {
        .output(call: call, errno: (error as? Errno)?.rawValue ?? Errno.ioError.rawValue)
    }
}
