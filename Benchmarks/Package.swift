// swift-tools-version: 6.2
// In-process benchmarks of ovafs: a package of its own, so that those who build ovafs fetch no benchmark library.
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// As in the package that is measured: what is measured must be what is shipped.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

// The folders in Sources are links to the targets of ovafs: `package` access ends at a package's border, and
// what is measured is not public.
let package = Package(
    name: "ovafs-benchmarks",
    platforms: [.macOS(.v13)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        .systemLibrary(name: "CBzip2", providers: [.apt(["libbz2-dev"])]),
        .systemLibrary(name: "CDeflate", pkgConfig: "libdeflate", providers: [.apt(["libdeflate-dev"])]),
        .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CXML2", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
        .target(
            name: "ByteSources",
            dependencies: ["CLinux", .product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: settings),
        .target(
            name: "Codecs",
            dependencies: ["ByteSources", "CBzip2", "CDeflate", "CLZMA", "CZlib", "CZstd"],
            swiftSettings: settings),
        .target(
            name: "CompressedSources",
            dependencies: ["ByteSources", "Codecs"],
            swiftSettings: settings),
        .target(
            name: "DiskImages",
            dependencies: ["ByteSources", "Codecs"],
            swiftSettings: settings),
        .target(
            name: "OVFPackage",
            dependencies: [
                "ByteSources", "CXML2", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .target(
            name: "TestSupport",
            dependencies: ["ByteSources", "DiskImages", "CDeflate", "CZstd"],
            swiftSettings: settings),
        .target(
            name: "Cases",
            dependencies: [
                "ByteSources", "DiskImages", "OVFPackage", "TestSupport",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Cases",
            swiftSettings: settings),
        .executableTarget(
            name: "run-case",
            dependencies: ["Cases"],
            path: "Tools/RunCase",
            swiftSettings: settings),
        .executableTarget(
            name: "InProcess",
            dependencies: ["Cases", .product(name: "Benchmark", package: "benchmark")],
            path: "Benchmarks/InProcess",
            swiftSettings: settings,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    ],
    swiftLanguageModes: [.v6]
)
