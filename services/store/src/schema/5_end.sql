INSERT INTO responder (responder, tenant, number, external_ref, name, skills, credential_valid_until_ms, travel_mode,
                       on_duty, suspended)
SELECT responder, tenant, number, external_ref, name, skills, credential_valid_until_ms, travel_mode, on_duty, suspended
FROM responder_4;
DROP TABLE responder_4;
