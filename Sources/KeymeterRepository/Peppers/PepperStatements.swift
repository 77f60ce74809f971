package import Postgres

/// The statements about peppers.
package enum PepperStatements {
  static let all = [introduce, mismatched, known, renew]

  /// Serialises two nodes that register the same pepper at once.
  static let introduce = Statement(
    "pepper_introduce",
    """
    INSERT INTO \(Schema.cell).peppers (pepper_id, check_value)
    SELECT g.pepper_id, g.check_value FROM unnest($1::text[], $2::bytea[]) AS g (pepper_id, check_value)
    ORDER BY g.pepper_id COLLATE "C"
    ON CONFLICT ON CONSTRAINT peppers_pkey DO NOTHING
    """)

  /// Separate from `introduce`, so that it sees peppers that another node has just registered.
  package static let mismatched = Statement(
    "pepper_mismatched",
    """
    SELECT p.pepper_id
    FROM \(Schema.cell).peppers AS p
    JOIN unnest($1::text[], $2::bytea[]) AS g (pepper_id, check_value) ON g.pepper_id = p.pepper_id
    WHERE g.check_value <> p.check_value
    ORDER BY p.pepper_id
    """)

  static let known = Statement(
    "pepper_known",
    """
    SELECT coalesce(p.pepper_id, g.pepper_id) AS pepper_id, p.check_value, p.first_seen,
      coalesce(g.keys, 0) AS keys
    FROM \(Schema.cell).peppers AS p
    FULL JOIN \(Schema.cell).key_count_by_pepper() AS g ON g.pepper_id = p.pepper_id COLLATE "C"
    ORDER BY 1
    """)

  static let renew = Statement(
    "pepper_renew", "SELECT \(Schema.cell).renew_secret($1, $2, $3, $4) AS renewed")
}
