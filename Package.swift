// swift-tools-version: 6.2
import PackageDescription

/// Rules for every target: a file imports every module it uses, imports are internal unless declared
/// `public`, and warnings are errors.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "keymeter",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "keymeter", targets: ["keymeter"])
  ],
  dependencies: [
    // Without default traits these need only FoundationEssentials, which keeps Foundation's
    // internationalisation data out of the server's memory.
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
    .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2", traits: []),
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0", traits: []),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.2"),
    .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
    .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CLibpq",
      pkgConfig: "libpq",
      providers: [.apt(["libpq-dev"]), .brew(["libpq"])]
    ),
    .target(
      name: "Postgres",
      dependencies: [
        "CLibpq",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict
    ),
    .target(
      name: "PrometheusMetrics",
      dependencies: [
        .product(name: "CoreMetrics", package: "swift-metrics")
      ],
      swiftSettings: strict
    ),
    .target(
      name: "KeymeterDomain",
      dependencies: [
        .product(name: "Crypto", package: "swift-crypto")
      ],
      swiftSettings: strict
    ),
    .target(
      name: "KeymeterRepository",
      dependencies: [
        "KeymeterDomain",
        "Postgres",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict,
      plugins: ["EmbedSQL"]
    ),
    .target(
      name: "KeymeterHandlers",
      dependencies: [
        "KeymeterDomain",
        "PrometheusMetrics",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
      ],
      swiftSettings: strict,
      plugins: ["EmbedOpenAPI"]
    ),
    .target(
      name: "KeymeterServer",
      dependencies: [
        "KeymeterDomain",
        "KeymeterHandlers",
        "KeymeterRepository",
        "Postgres",
        "PrometheusMetrics",
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: strict
    ),
    .target(
      name: "KeymeterOps",
      dependencies: [
        "KeymeterDomain",
        "KeymeterRepository",
        "KeymeterServer",
        "Postgres",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "keymeter",
      dependencies: [
        "KeymeterDomain",
        "KeymeterOps",
        "KeymeterRepository",
        "KeymeterServer",
        "Postgres",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict
    ),
    .plugin(name: "EmbedSQL", capability: .buildTool()),
    .plugin(name: "EmbedOpenAPI", capability: .buildTool()),
    .target(
      name: "KeymeterTesting",
      dependencies: [
        "KeymeterOps",
        "KeymeterDomain",
        "KeymeterRepository",
        "Postgres",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/KeymeterTesting",
      swiftSettings: strict
    ),
    .testTarget(
      name: "PostgresTests",
      dependencies: ["Postgres", "CLibpq", "KeymeterTesting", "KeymeterOps"],
      swiftSettings: strict
    ),
    .testTarget(
      name: "KeymeterOpsTests",
      dependencies: [
        "KeymeterOps", "KeymeterTesting",
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "PrometheusMetricsTests",
      dependencies: [
        "PrometheusMetrics",
        .product(name: "CoreMetrics", package: "swift-metrics"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "KeymeterDomainTests",
      dependencies: ["KeymeterDomain", "KeymeterTesting"],
      swiftSettings: strict
    ),
    .testTarget(
      name: "KeymeterRepositoryTests",
      dependencies: [
        "KeymeterRepository", "KeymeterDomain", "Postgres", "KeymeterTesting", "KeymeterOps",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "KeymeterHandlersTests",
      dependencies: [
        "KeymeterHandlers", "KeymeterDomain", "KeymeterTesting", "PrometheusMetrics",
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdTesting", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "MetricsTestKit", package: "swift-metrics"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "Conformance",
      dependencies: [
        "KeymeterDomain", "KeymeterRepository", "KeymeterTesting", "Postgres",
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "HostileInput",
      dependencies: [
        "KeymeterHandlers", "KeymeterDomain", "KeymeterRepository", "KeymeterTesting", "Postgres",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdTesting", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "KeymeterServerTests",
      dependencies: [
        "keymeter", "KeymeterDomain", "KeymeterHandlers", "KeymeterOps", "KeymeterServer", "KeymeterTesting",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "WholeStackTests",
      dependencies: [
        "keymeter", "KeymeterDomain", "KeymeterHandlers", "KeymeterTesting", "KeymeterOps", "Postgres",
        "PrometheusMetrics",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict
    ),
  ],
  swiftLanguageModes: [.v6]
)
