// getxattr(2) and listxattr(2), which the C library's module does not have.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The C library's calls, found by their names.
@safe struct ExtendedAttributeCalls {
    private typealias Get =
        @convention(c) (
            UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int
        ) -> Int
    private typealias List = @convention(c) (UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int

    private let get: Get
    private let list: List

    init?() {
        guard let program = unsafe dlopen(nil, RTLD_NOW), let get = unsafe dlsym(program, "getxattr"),
            let list = unsafe dlsym(program, "listxattr")
        else { return nil }
        // SAFETY: the types are those of <sys/xattr.h>.
        unsafe self.get = unsafeBitCast(get, to: Get.self)
        unsafe self.list = unsafeBitCast(list, to: List.self)
    }

    /// The value, into room of `byteCount` bytes, or the negative number of the error.
    func value(of name: String, at path: String, room byteCount: Int) -> (length: Int, bytes: [UInt8]) {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let length = unsafe get(path, name, &bytes, byteCount)
        return length < 0 ? (Int(-errno), []) : (length, Array(bytes.prefix(length)))
    }

    /// The names, each with a NUL behind it.
    func names(at path: String) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let length = unsafe list(path, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, length)))
    }
}
